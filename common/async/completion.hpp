// A callback that runs once, moved into place without an allocation. Asio's own
// any_completion_handler also carries an executor and an allocator, type-erased: on the path of
// every read that costs more than the read's bookkeeping, and nobody here needs either (one thread,
// one event loop). Its assignment in Boost 1.81 also recurses without end.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace common {

// Room for the callable: 64 bytes hold the handlers of all reads and writes.
template <class Signature, std::size_t capacity = 64>
class Completion;

template <class... Args, std::size_t capacity>
class Completion<void(Args...), capacity> {
  public:
    Completion() = default;
    Completion(std::nullptr_t) {}
    template <class Callable>
        requires(!std::is_same_v<std::remove_cvref_t<Callable>, Completion>)
    Completion(Callable callable) : actions_(&actions_of<Callable>) {
        static_assert(sizeof(Callable) <= capacity && alignof(Callable) <= alignment);
        static_assert(std::is_nothrow_move_constructible_v<Callable>);
        new (storage_) Callable(std::move(callable));
    }
    Completion(Completion&& other) noexcept { take(other); }
    Completion& operator=(Completion&& other) noexcept {
        if (this != &other) {
            drop();
            take(other);
        }
        return *this;
    }
    ~Completion() { drop(); }

    explicit operator bool() const { return actions_ != nullptr; }
    friend bool operator==(const Completion& completion, std::nullptr_t) { return !completion; }
    // Empty afterwards; the callable is already out of this object when it runs, so it may destroy
    // or refill it. REQUIRES: not empty.
    void operator()(Args... args) {
        Completion running(std::move(*this));
        running.actions_->call(running.storage_, std::forward<Args>(args)...);
    }
    void swap(Completion& other) noexcept { std::swap(*this, other); }

  private:
    static constexpr std::size_t alignment = alignof(void*);

    struct Actions {
        void (*call)(void* self, Args... args);
        void (*move)(void* from, void* to) noexcept;  // and destroys `from`
        void (*destroy)(void* self) noexcept;
    };
    template <class Callable>
    static constexpr Actions actions_of = {
        [](void* self, Args... args) {
            std::move (*static_cast<Callable*>(self))(std::forward<Args>(args)...);
        },
        [](void* from, void* to) noexcept {
            new (to) Callable(std::move(*static_cast<Callable*>(from)));
            static_cast<Callable*>(from)->~Callable();
        },
        [](void* self) noexcept { static_cast<Callable*>(self)->~Callable(); }};

    void take(Completion& other) noexcept {
        actions_ = std::exchange(other.actions_, nullptr);
        if (actions_ != nullptr) actions_->move(other.storage_, storage_);
    }
    void drop() noexcept {
        if (actions_ != nullptr) std::exchange(actions_, nullptr)->destroy(storage_);
    }

    const Actions* actions_ = nullptr;
    alignas(alignment) std::byte storage_[capacity];
};

}  // namespace common
