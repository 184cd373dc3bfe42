// Slot streams in a simulated world: the real SlotWant and SlotClaim at their ends, and between
// them messages that are late, wait out a black hole, or are lost with the stream.
#include <algorithm>

#include "tests/sim/world.hpp"

namespace sim {

using Kind = SlotMessage::Kind;

double World::message_delay_s() {
    const double late = network_.chance(0.02) ? 0.3 * network_.uniform() : 0.0;
    return 0.0001 + 0.002 * network_.uniform() + late;
}

void World::open_link(std::uint64_t number, PodId pod) {
    Activator& activator = activators_[number];
    if (activator.links.contains(pod) || !activator.opening.insert(pod).second) return;
    after_at(number, message_delay_s(), [this, number, pod] {
        Activator& opener = activators_[number];
        opener.opening.erase(pod);
        const Pod& its = pods_[pod];
        if (!its.up || its.black_hole || network_.chance(0.05)) {
            opener.ledger->reservation_lost(pod, now_);
            follow_up(number);
            return;
        }
        const std::uint32_t link = next_link_++;
        links_.emplace(link, Link{.number = link,
                                  .activator = number,
                                  .pod = pod,
                                  .want = SlotWant(now_),
                                  .claim = proxy::SlotClaim(link)});
        opener.links.emplace(pod, link);
        opener.ledger->reservation_open(pod, now_);
        follow_up(number);
        renew_link(link);
    });
}

void World::renew_link(std::uint32_t number) {
    const auto found = links_.find(number);
    if (found == links_.end() || !found->second.activator_end) return;
    const std::uint64_t activator = found->second.activator;
    follow_link(found->second);
    after_at(activator, common::to_seconds(SlotWant::renewal),
             [this, number] { renew_link(number); });
}

void World::follow_links(std::uint64_t number) {
    const std::map<PodId, std::uint32_t> open = activators_[number].links;
    for (const auto& [pod, number_of_link] : open) {
        // The end of one may have been the end of others.
        const auto link = links_.find(number_of_link);
        if (link != links_.end() && link->second.activator_end) follow_link(link->second);
    }
}

void World::follow_link(Link& link) {
    const Ledger& ledger = *activators_[link.activator].ledger;
    const std::optional<SlotMessage> message = link.want.follow(ledger.wanted(link.pod), now_);
    if (message) to_pod(link, *message);
    if (!link.want.over(now_) && ledger.knows(link.pod)) return;
    const std::uint32_t number = link.number;
    after(message_delay_s(), [this, number] { close_pod_end(number); });
    close_activator_end(number);
}

void World::to_pod(Link& link, const SlotMessage& message) {
    link.last_to_pod = std::max(link.last_to_pod, now_ + common::from_seconds(message_delay_s()));
    at(link.last_to_pod, [this, number = link.number, message] { arrive_at_pod(number, message); });
}

void World::arrive_at_pod(std::uint32_t number, const SlotMessage& message) {
    const auto found = links_.find(number);
    if (found == links_.end() || !found->second.pod_end) return;
    Link& link = found->second;
    Pod& pod = pods_[link.pod];
    if (pod.black_hole) {
        // The network sends it again until it gets through, those behind it after it.
        link.last_to_pod = std::max(link.last_to_pod, now_ + std::chrono::milliseconds(50));
        at(link.last_to_pod, [this, number, message] { arrive_at_pod(number, message); });
        return;
    }
    pod.admission->tick(now_);
    follow_pod(link.pod);
    const std::optional<SlotMessage> answer = link.claim.hear(message, *pod.admission, now_);
    if (answer) to_activator(link, *answer);
    follow_pod(link.pod);
}

void World::follow_pod(PodId id) {
    Pod& pod = pods_[id];
    proxy::Admission& admission = *pod.admission;
    admission.check_invariants();
    const std::vector<proxy::AdmissionAction> actions(admission.actions().begin(),
                                                      admission.actions().end());
    admission.clear_actions();
    for (const proxy::AdmissionAction& action : actions) {
        past_.lapsed += action.kind == proxy::AdmissionAction::Kind::lapse ? 1 : 0;
        const auto link = links_.find(proxy::SlotClaim::stream_of(action.reservation));
        if (link == links_.end() || !link->second.pod_end) continue;
        to_activator(link->second, link->second.claim.tell(action));
    }
    const Instant due = admission.next_deadline();
    if (due >= pod.timer) return;
    pod.timer = due;
    at(due, [this, id, due] {
        Pod& ticked = pods_[id];
        if (ticked.timer != due) return;
        ticked.timer = Instant::max();
        if (!ticked.up) return;
        ticked.admission->tick(now_);
        follow_pod(id);
    });
}

void World::to_activator(Link& link, const SlotMessage& message) {
    link.last_to_activator =
        std::max(link.last_to_activator, now_ + common::from_seconds(message_delay_s()));
    at(link.last_to_activator, [this, number = link.number, activator = link.activator,
                                life = activators_[link.activator].life, message] {
        happen_at(activator, life,
                  [this, number, message] { arrive_at_activator(number, message); });
    });
}

void World::arrive_at_activator(std::uint32_t number, const SlotMessage& message) {
    const auto found = links_.find(number);
    if (found == links_.end() || !found->second.activator_end) return;
    Link& link = found->second;
    if (message.kind == Kind::lapse) {
        link.want.lapsed(message.number, now_);
    } else if (link.want.take_grant(message.number, now_)) {
        const bool used = activators_[link.activator].ledger->grant(link.pod, now_);
        if (!used) to_pod(link, SlotWant::give_back(message.number));
    }
    follow_up(link.activator);
}

// --- Ends

void World::close_activator_end(std::uint32_t number) {
    const auto found = links_.find(number);
    if (found == links_.end() || !found->second.activator_end) return;
    Link& link = found->second;
    const std::uint64_t activator = link.activator;
    const PodId pod = link.pod;
    link.activator_end = false;
    if (!link.pod_end) links_.erase(found);
    activators_[activator].links.erase(pod);
    activators_[activator].ledger->reservation_lost(pod, now_);
    follow_up(activator);
}

void World::close_pod_end(std::uint32_t number) {
    const auto found = links_.find(number);
    if (found == links_.end() || !found->second.pod_end) return;
    const Link link = found->second;
    found->second.pod_end = false;
    if (!link.activator_end) links_.erase(found);
    Pod& pod = pods_[link.pod];
    if (!pod.up) return;
    pod.admission->forget(link.claim.activator(), now_);
    follow_pod(link.pod);
}

void World::break_link(Link& link, double longest_s) {
    const std::uint32_t number = link.number;
    after(longest_s * network_.uniform(), [this, number] { close_pod_end(number); });
    if (!link.activator_end) return;
    after_at(link.activator, longest_s * network_.uniform(),
             [this, number] { close_activator_end(number); });
}

void World::break_links(PodId pod, double longest_s) {
    fault("break", pod);
    for (auto& [number, link] : links_) {
        if (link.pod == pod) break_link(link, longest_s);
    }
}

}  // namespace sim
