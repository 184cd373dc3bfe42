#include "activator/probe_places.hpp"

namespace activator {

common::awaitable<ProbePlaces::Place> ProbePlaces::take(bool late) {
    if (closed_) co_return Place();
    Waiter waiter(executor_);
    (late ? late_line_ : line_).push_back(&waiter);
    hand_out();
    if (!waiter.has_place) co_await waiter.woken.wait();
    if (!waiter.has_place) co_return Place();
    co_return Place(this, late);
}

void ProbePlaces::close() {
    closed_ = true;
    for (std::deque<Waiter*>* line : {&line_, &late_line_}) {
        for (Waiter* waiter : *line)
            waiter->woken.notify();
        line->clear();
    }
}

void ProbePlaces::give_back(bool late) {
    --taken_;
    if (late) --taken_late_;
    hand_out();
}

void ProbePlaces::hand_out() {
    while (taken_ < places_max) {
        if (hand_out_to(line_)) continue;
        if (taken_late_ >= places_late_max || !hand_out_to(late_line_)) return;
        ++taken_late_;
    }
}

bool ProbePlaces::hand_out_to(std::deque<Waiter*>& line) {
    if (line.empty()) return false;
    Waiter* const next = line.front();
    line.pop_front();
    ++taken_;
    next->has_place = true;
    next->woken.notify();
    return true;
}

}  // namespace activator
