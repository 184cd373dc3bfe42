#include "sluice/replay/core/dispatcher.hpp"

namespace sluice::replay {
namespace {

class RealScheduler final : public Dispatcher {
  public:
    RealScheduler(const activator::RevisionPolicy& policy, Instant now) {
        scheduler_.add_revision(replayed_revision, policy, now);
    }

    Refusal arrive(const Arrival& arrival, Instant now) override {
        return scheduler_.arrive(arrival, now);
    }
    bool abandon(RequestId id, Instant now) override { return scheduler_.abandon(id, now); }
    void finish(RequestId id, Instant now) override {
        scheduler_.finish(id, activator::Outcome::done, now);
    }
    void add_pod(PodId id, Instant now) override { scheduler_.add_pod(replayed_revision, id, now); }
    void pod_ready(PodId id, Instant now) override { scheduler_.set_pod_ready(id, true, now); }
    void remove_pod(PodId id, Instant now) override { scheduler_.remove_pod(id, now); }
    void note_session(PodId id, Instant until) override { scheduler_.note_session(id, until); }
    void tick(Instant now) override { scheduler_.tick(now); }
    Instant next_deadline() const override { return scheduler_.next_deadline(); }
    std::span<const Action> actions() const override { return scheduler_.actions(); }
    void clear_actions() override { scheduler_.clear_actions(); }
    Load load() const override {
        const activator::RevisionView view = scheduler_.revision(replayed_revision);
        return {view.waiting, view.running, view.pods_ready};
    }
    std::size_t victims(Instant now, std::span<PodId> out) override {
        return scheduler_.idle_pods(replayed_revision, out.size(), now, out);
    }

  private:
    activator::Scheduler scheduler_{activator::Limits{}};
};

}  // namespace

std::unique_ptr<Dispatcher> make_scheduler(const activator::RevisionPolicy& policy, Instant now) {
    return std::make_unique<RealScheduler>(policy, now);
}

}  // namespace sluice::replay
