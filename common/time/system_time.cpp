#include "common/time/system_time.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include <boost/asio/steady_timer.hpp>

namespace common {
namespace {

Instant steady_now() {
    return Instant(
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

std::chrono::steady_clock::time_point to_steady(Instant t) {
    return std::chrono::steady_clock::time_point(
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(t.time_since_epoch()));
}

}  // namespace

// All timers of the process in one order, and one timer of Asio's for the earliest. Deadlines are
// set and dropped for each request and nearly never come, so both must cost no system call and no
// pass through the event loop. Asio's timer is only ever moved to an earlier time; one that fires
// before anything is due is set anew. It is cancelled when the last deadline goes, since an event
// loop ends when nothing is left to wait for.
class SystemTime::Queue {
  public:
    using Entries = std::multimap<Instant, QueuedTimer*>;
    using Node = Entries::node_type;

    explicit Queue(const boost::asio::any_io_executor& executor) : timer_(executor) {}

    static Entries::iterator insert(const std::shared_ptr<Queue>& self, Node node) {
        const auto place = self->entries_.insert(std::move(node));
        set(self);
        return place;
    }

    // Returns the node for the timer's next use.
    Node remove(Entries::iterator place) {
        Node node = entries_.extract(place);
        if (entries_.empty()) {
            set_for_ = Instant::max();
            timer_.cancel();
        }
        return node;
    }

    std::size_t size() const { return entries_.size(); }

    static Node make_node(QueuedTimer* timer) {
        Entries entries;
        return entries.extract(entries.emplace(Instant{}, timer));
    }

  private:
    static void set(const std::shared_ptr<Queue>& self) {
        if (self->entries_.empty() || self->entries_.begin()->first >= self->set_for_) return;
        self->set_for_ = self->entries_.begin()->first;
        self->timer_.expires_at(to_steady(self->set_for_));
        // A handler whose time had come before it was cancelled still runs (asio #878): then the
        // clock tells that nothing is due.
        self->timer_.async_wait([weak = std::weak_ptr<Queue>(self)](boost::system::error_code ec) {
            const auto alive = weak.lock();
            if (alive && !ec) fire(alive);
        });
    }

    static void fire(const std::shared_ptr<Queue>& self);

    boost::asio::steady_timer timer_;
    Entries entries_;
    Instant set_for_ = Instant::max();
};

class SystemTime::QueuedTimer final : public Timer {
  public:
    explicit QueuedTimer(std::shared_ptr<Queue> queue)
        : queue_(std::move(queue)), node_(Queue::make_node(this)) {}
    ~QueuedTimer() override { disarm(); }

    void arm(Instant deadline, std::function<void()> on_fire) override {
        disarm();
        on_fire_ = std::move(on_fire);
        node_.key() = deadline;
        place_ = Queue::insert(queue_, std::move(node_));
        armed_ = true;
    }

    void disarm() override {
        if (!armed_) return;
        armed_ = false;
        node_ = queue_->remove(place_);
        on_fire_ = nullptr;
    }

    void expire() {
        // The callback may arm or destroy this timer.
        const std::function<void()> callback = std::move(on_fire_);
        disarm();
        callback();
    }

  private:
    std::shared_ptr<Queue> queue_;
    Queue::Node node_;  // while not armed
    Queue::Entries::iterator place_{};
    std::function<void()> on_fire_;
    bool armed_ = false;
};

void SystemTime::Queue::fire(const std::shared_ptr<Queue>& self) {
    self->set_for_ = Instant::max();
    const Instant now = steady_now();
    // Callbacks arm, disarm and destroy timers, so nothing of the map is held across them. The
    // bound lets the event loop breathe when they arm timers that are due at once.
    for (std::size_t left = self->entries_.size(); left > 0 && !self->entries_.empty(); --left) {
        const auto first = self->entries_.begin();
        if (first->first > now) break;
        first->second->expire();
    }
    set(self);
}

SystemTime::SystemTime(boost::asio::any_io_executor executor)
    : queue_(std::make_shared<Queue>(executor)) {}

Instant SystemTime::now() const {
    return steady_now();
}

WallTime SystemTime::wall_now() const {
    return system_wall_now();
}

std::size_t SystemTime::armed() const {
    return queue_->size();
}

std::unique_ptr<Timer> SystemTime::make_timer() {
    return std::make_unique<QueuedTimer>(queue_);
}

WallTime system_wall_now() {
    return WallTime(
        std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
}

}  // namespace common
