// Who is in the generation handlers, and whose turn is it?
//
// The web UI has one process-wide lock around every generation; further requests wait inside the
// process. This class is that lock, first come first served, and the honest count of it: a Visit
// counts from entering the handler until leaving it, waiting included, because that is what a
// proxy's concurrency limit promises the application. It does no work and knows no clock.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>

namespace standin {

class JobLock {
  public:
    struct Counts {
        std::uint64_t inside_now = 0;
        std::uint64_t inside_max = 0;  // "at_once_max" in the stats
        std::uint64_t holding_now = 0;
        std::uint64_t holding_max = 0;
    };

    // One request inside a handler. REQUIRES: the lock outlives it. Used by one thread.
    class Visit {
      public:
        explicit Visit(JobLock& lock);
        ~Visit();
        Visit(const Visit&) = delete;
        Visit& operator=(const Visit&) = delete;

        // True when this visit made the most ever inside grow.
        bool is_record() const { return is_record_; }
        // Waits for the lock. False: the lock was closed first, and is not held.
        bool hold();

      private:
        JobLock& lock_;
        bool is_record_ = false;
        bool holds_ = false;
    };

    Counts counts() const;
    // The maxima start anew from what is inside now.
    void reset_maxima();
    // Ends all waiting and lets nobody in again; who holds the lock keeps it.
    void close();

  private:
    struct Waiter {
        std::condition_variable turn;
        bool granted = false;
    };

    mutable std::mutex mutex_;
    std::list<Waiter> waiting_;  // oldest first; nodes belong to the waiting threads
    Counts counts_;
    bool closed_ = false;
};

}  // namespace standin
