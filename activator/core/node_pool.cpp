#include "activator/core/node_pool.hpp"

#include <new>

namespace activator {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool pooled = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool pooled = false;
#else
constexpr bool pooled = true;
#endif
#else
constexpr bool pooled = true;
#endif

}  // namespace

void* NodePool::do_allocate(std::size_t bytes, std::size_t alignment) {
    if (!pooled || bytes > largest_node || alignment > granule) {
        return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    const std::size_t size_class = (bytes + granule - 1) / granule;
    if (FreeNode* node = free_[size_class]) {
        free_[size_class] = node->next;
        return node;
    }
    return carve(size_class * granule);
}

void NodePool::do_deallocate(void* node, std::size_t bytes, std::size_t alignment) {
    if (!pooled || bytes > largest_node || alignment > granule) {
        std::pmr::new_delete_resource()->deallocate(node, bytes, alignment);
        return;
    }
    const std::size_t size_class = (bytes + granule - 1) / granule;
    free_[size_class] = new (node) FreeNode{free_[size_class]};
}

void* NodePool::carve(std::size_t bytes) {
    if (block_bytes - used_in_block_ < bytes) {
        blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(block_bytes));
        used_in_block_ = 0;
    }
    void* node = blocks_.back().get() + used_in_block_;
    used_in_block_ += bytes;
    return node;
}

}  // namespace activator
