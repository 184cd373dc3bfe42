#include "common/async/give_back_memory.hpp"

#include <malloc.h>

namespace common {

void give_back_memory() {
    malloc_trim(0);
}

}  // namespace common
