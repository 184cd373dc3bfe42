#include "activator/core/wait_queue.hpp"

#include "common/core/check.hpp"

namespace activator {

ScheduledRequest* WaitLine::oldest() const {
    ScheduledRequest* first = in_order_.front();
    if (returned_.empty()) return first;
    const auto& [age, request] = *returned_.begin();
    return first == nullptr || age < first->age ? request : first;
}

void WaitLine::add(ScheduledRequest& request) {
    if (in_order_.back() == nullptr || in_order_.back()->age < request.age) {
        in_order_.push_back(request);
    } else {
        returned_.emplace(request.age, &request);
    }
}

void WaitLine::remove(ScheduledRequest& request) {
    if (request.in_line.in_list) {
        in_order_.remove(request);
        return;
    }
    const std::size_t removed = returned_.erase(request.age);
    CHECK(removed == 1);
}

std::size_t WaitLine::count_older(std::uint64_t age) const {
    std::size_t count = 0;
    for (const ScheduledRequest* request = in_order_.front();
         request != nullptr && request->age < age; request = in_order_.after(*request)) {
        ++count;
    }
    for (auto entry = returned_.begin(); entry != returned_.end() && entry->first < age; ++entry) {
        ++count;
    }
    return count;
}

bool WaitLine::contains(const ScheduledRequest& request) const {
    if (!request.in_line.in_list) return returned_.contains(request.age);
    // Walking the line would make check_invariants() quadratic; the neighbours tell as much, and
    // the sizes are compared there.
    const ScheduledRequest* before = request.in_line.before;
    const ScheduledRequest* after = request.in_line.after;
    const bool linked =
        (before != nullptr ? before->in_line.after : in_order_.front()) == &request &&
        (after != nullptr ? after->in_line.before : in_order_.back()) == &request;
    return linked && (before == nullptr || before->age < request.age);
}

template <Links ScheduledRequest::* links>
void WaitMarks<links>::add(ScheduledRequest& request) {
    const ScheduledRequest* last = in_order_.back();
    if (last == nullptr ||
        (request.cold_mark >= last->cold_mark && request.queued_mark >= last->queued_mark)) {
        in_order_.push_back(request);
        return;
    }
    by_cold_.emplace(std::pair{request.cold_mark, request.age}, &request);
    by_queued_.emplace(std::pair{request.queued_mark, request.age}, &request);
    by_both_.emplace(std::pair{request.wait_mark(), request.age}, &request);
}

template <Links ScheduledRequest::* links>
void WaitMarks<links>::remove(ScheduledRequest& request) {
    if ((request.*links).in_list) {
        in_order_.remove(request);
        return;
    }
    const std::size_t removed = by_cold_.erase({request.cold_mark, request.age});
    CHECK(removed == 1);
    by_queued_.erase({request.queued_mark, request.age});
    by_both_.erase({request.wait_mark(), request.age});
}

template <Links ScheduledRequest::* links>
ScheduledRequest* WaitMarks<links>::first_by_cold() const {
    ScheduledRequest* first = in_order_.front();
    if (by_cold_.empty()) return first;
    const auto& [key, request] = *by_cold_.begin();
    return first == nullptr || key.first < first->cold_mark ? request : first;
}

template <Links ScheduledRequest::* links>
ScheduledRequest* WaitMarks<links>::first_by_queued() const {
    ScheduledRequest* first = in_order_.front();
    if (by_queued_.empty()) return first;
    const auto& [key, request] = *by_queued_.begin();
    return first == nullptr || key.first < first->queued_mark ? request : first;
}

template <Links ScheduledRequest::* links>
ScheduledRequest* WaitMarks<links>::first_by_both() const {
    ScheduledRequest* first = in_order_.front();
    if (by_both_.empty()) return first;
    const auto& [key, request] = *by_both_.begin();
    return first == nullptr || key.first < first->wait_mark() ? request : first;
}

template class WaitMarks<&ScheduledRequest::in_budgets>;
template class WaitMarks<&ScheduledRequest::in_patience>;

}  // namespace activator
