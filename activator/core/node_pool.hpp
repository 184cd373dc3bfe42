// Memory for the scheduler's many small nodes (requests, line entries, tree nodes).
//
// Size classes of 16 bytes with a free list each: taking and giving back are a few instructions,
// so a decision on the warm path calls no allocator. Blocks are kept until the pool dies: the
// pool's size is the largest the scheduler ever was (bounded by queue limits), not what it is now.
// std::pmr::unsynchronized_pool_resource was refused: it searches its chunks on both paths.
// Under AddressSanitizer every node is its own allocation, so that a use after free is seen.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <vector>

namespace activator {

class NodePool final : public std::pmr::memory_resource {
  public:
    NodePool() = default;
    ~NodePool() override = default;
    NodePool(const NodePool&) = delete;
    NodePool& operator=(const NodePool&) = delete;

    // Bytes held in blocks, used or free.
    std::size_t bytes_held() const { return blocks_.size() * block_bytes; }

  private:
    static constexpr std::size_t granule = 16;
    static constexpr std::size_t largest_node = 256;  // larger ones go to the heap
    static constexpr std::size_t block_bytes = std::size_t{64} << 10;

    struct FreeNode {
        FreeNode* next;
    };

    void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* node, std::size_t bytes, std::size_t alignment) override;
    bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return this == &other;
    }
    void* carve(std::size_t bytes);

    std::array<FreeNode*, largest_node / granule + 1> free_{};
    std::vector<std::unique_ptr<std::byte[]>> blocks_;
    std::size_t used_in_block_ = block_bytes;
};

}  // namespace activator
