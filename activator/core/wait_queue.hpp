// In what order do the requests of a revision wait, and whose budget ends first?
//
// A line is ordered by age (order of arrival), so that a request that comes back takes its own
// place. A revision has one shared line, one line for control requests, and one line per pod for
// the requests that wait for that pod and no other. A waiting request stands in exactly one.
// (model_line.hpp has the lines in which requests may want a model.)
//
// WaitMarks answers "whose wait is longest" over many lines at once.
//
// Both have the same shape: nearly all requests come in order, and stand in an intrusive list at no
// cost but two pointers; the few that come back after they ran (younger ones have overtaken them)
// go to a small sorted map beside it. Adding and removing is O(1) in the list, O(log returned)
// beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory_resource>
#include <utility>

#include "activator/core/model_key.hpp"
#include "common/core/ids.hpp"
#include "common/core/time.hpp"

namespace activator {

using common::Duration;
using common::Instant;
using common::PodId;
using common::RequestId;

struct PodSlots;
struct RevisionQueue;
struct ScheduledRequest;

enum class Place : std::uint8_t { shared_line, pod_line, control_line, running };

// A request's standing in one list.
struct Links {
    ScheduledRequest* before = nullptr;
    ScheduledRequest* after = nullptr;
    bool in_list = false;
};

// One request from its arrival to its end, waiting or running.
struct ScheduledRequest {
    RequestId id;
    std::uint64_t age = 0;  // order of arrival; smaller is older
    Instant arrived{};
    RevisionQueue* revision = nullptr;
    // Running: the pod it runs on. In a pod's line: that pod. Else null.
    PodSlots* pod = nullptr;
    PodId pin;  // the session's pod, if has_pin; it may be gone
    std::size_t bytes = 0;
    ModelKey model = any_model;
    Instant started{};  // running: when it got its slot
    // Waiting: what the revision's watches would have read, had it waited in one piece until now.
    // Running: how long it has waited in each state.
    Duration cold_mark{};
    Duration queued_mark{};
    Links in_line;
    Links in_budgets;   // of all who wait in the revision
    Links in_patience;  // of all who wait for their pod in the revision
    Place place = Place::running;
    bool has_pin = false;
    bool control = false;

    Duration wait_mark() const { return cold_mark + queued_mark; }
};

// An intrusive list; which of a request's Links it uses is part of its type.
template <Links ScheduledRequest::* links>
class RequestList {
  public:
    ScheduledRequest* front() const { return front_; }
    ScheduledRequest* back() const { return back_; }
    std::size_t size() const { return size_; }
    static ScheduledRequest* after(const ScheduledRequest& request) {
        return (request.*links).after;
    }

    void push_back(ScheduledRequest& request) {
        request.*links = {back_, nullptr, true};
        (back_ != nullptr ? (back_->*links).after : front_) = &request;
        back_ = &request;
        ++size_;
    }
    // REQUIRES: it stands in this list.
    void remove(ScheduledRequest& request) {
        const Links its = request.*links;
        (its.before != nullptr ? (its.before->*links).after : front_) = its.after;
        (its.after != nullptr ? (its.after->*links).before : back_) = its.before;
        request.*links = {};
        --size_;
    }

  private:
    ScheduledRequest* front_ = nullptr;
    ScheduledRequest* back_ = nullptr;
    std::size_t size_ = 0;
};

// Requests in order of age.
class WaitLine {
  public:
    explicit WaitLine(std::pmr::memory_resource* memory) : returned_(memory) {}

    bool empty() const { return size() == 0; }
    std::size_t size() const { return in_order_.size() + returned_.size(); }
    // Null if empty.
    ScheduledRequest* oldest() const;
    void add(ScheduledRequest& request);
    // REQUIRES: it stands in this line.
    void remove(ScheduledRequest& request);
    // O(n).
    std::size_t count_older(std::uint64_t age) const;
    bool contains(const ScheduledRequest& request) const;

  private:
    RequestList<&ScheduledRequest::in_line> in_order_;
    std::pmr::map<std::uint64_t, ScheduledRequest*> returned_;
};

// Requests by how long they have waited: by either watch, or by both together.
template <Links ScheduledRequest::* links>
class WaitMarks {
  public:
    explicit WaitMarks(std::pmr::memory_resource* memory)
        : by_cold_(memory), by_queued_(memory), by_both_(memory) {}

    // REQUIRES: the marks are set, and stay as they are until remove().
    void add(ScheduledRequest& request);
    // REQUIRES: it was added.
    void remove(ScheduledRequest& request);

    // Whose wait is longest by that watch (on a tie: whoever is in the list, else the oldest);
    // null if there is nobody.
    ScheduledRequest* first_by_cold() const;
    ScheduledRequest* first_by_queued() const;
    ScheduledRequest* first_by_both() const;

    std::size_t size() const { return in_order_.size() + by_cold_.size(); }

  private:
    using Marked = std::pmr::map<std::pair<Duration, std::uint64_t>, ScheduledRequest*>;

    // In order by all three marks at once.
    RequestList<links> in_order_;
    // The others, by mark and age.
    Marked by_cold_;
    Marked by_queued_;
    Marked by_both_;
};

using WaitBudgets = WaitMarks<&ScheduledRequest::in_budgets>;
using WaitPatience = WaitMarks<&ScheduledRequest::in_patience>;

extern template class WaitMarks<&ScheduledRequest::in_budgets>;
extern template class WaitMarks<&ScheduledRequest::in_patience>;

}  // namespace activator
