#include "activator/core/model_line.hpp"

#include "common/core/check.hpp"

namespace activator {

ScheduledRequest* ModelLine::oldest() const {
    ScheduledRequest* first = any_.oldest();
    if (heads_.empty()) return first;
    const auto& [age, line] = *heads_.begin();
    return first == nullptr || age < first->age ? line->oldest() : first;
}

ScheduledRequest* ModelLine::oldest_of(ModelKey model) const {
    const auto found = models_.find(model);
    return found == models_.end() ? nullptr : found->second.oldest();
}

void ModelLine::add(ScheduledRequest& request) {
    if (request.model == any_model) {
        any_.add(request);
        return;
    }
    WaitLine& line =
        models_.try_emplace(request.model, models_.get_allocator().resource()).first->second;
    const ScheduledRequest* head = line.oldest();
    if (head == nullptr || request.age < head->age) {
        if (head != nullptr) heads_.erase(head->age);
        heads_.emplace(request.age, &line);
    }
    line.add(request);
    ++with_model_;
}

void ModelLine::remove(ScheduledRequest& request) {
    if (request.model == any_model) {
        any_.remove(request);
        return;
    }
    const auto found = models_.find(request.model);
    CHECK(found != models_.end());
    WaitLine& line = found->second;
    const bool was_head = line.oldest() == &request;
    line.remove(request);
    --with_model_;
    if (!was_head) return;
    heads_.erase(request.age);
    if (const ScheduledRequest* head = line.oldest()) {
        heads_.emplace(head->age, &line);
    } else {
        models_.erase(found);
    }
}

std::size_t ModelLine::count_older(std::uint64_t age) const {
    std::size_t count = any_.count_older(age);
    for (const auto& [model, line] : models_)
        count += line.count_older(age);
    return count;
}

bool ModelLine::contains(const ScheduledRequest& request) const {
    if (request.model == any_model) return any_.contains(request);
    const auto found = models_.find(request.model);
    if (found == models_.end() || !found->second.contains(request)) return false;
    const auto head = heads_.find(found->second.oldest()->age);
    return head != heads_.end() && head->second == &found->second;
}

}  // namespace activator
