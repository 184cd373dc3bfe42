#include "common/async/give_back_memory.hpp"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <span>

namespace common {
namespace {

using Part = ElfW(Phdr);
using Entry = ElfW(Dyn);

// Text relocations: the loader wrote into what is otherwise never written.
bool has_written_text(const dl_phdr_info& object) {
    for (const Part& part : std::span(object.dlpi_phdr, object.dlpi_phnum)) {
        if (part.p_type != PT_DYNAMIC) continue;
        const auto* entry = reinterpret_cast<const Entry*>(object.dlpi_addr + part.p_vaddr);
        for (; entry->d_tag != DT_NULL; ++entry) {
            if (entry->d_tag == DT_TEXTREL) return true;
            if (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0) return true;
        }
    }
    return false;
}

// Only parts that nobody may write are the file's own bytes, which come back as they were. What the
// loader relocated lies in a part that was written, though it may be read-only by now.
int unmap_unwritten(dl_phdr_info* object, std::size_t /*size*/, void* page_size) {
    const std::uintptr_t page = *static_cast<const std::uintptr_t*>(page_size);
    if (has_written_text(*object)) return 0;
    for (const Part& part : std::span(object->dlpi_phdr, object->dlpi_phnum)) {
        if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0) continue;
        const std::uintptr_t begin = (object->dlpi_addr + part.p_vaddr) & ~(page - 1);
        const std::uintptr_t end = object->dlpi_addr + part.p_vaddr + part.p_filesz;
        // The kernel's own page for clocks (vdso) says no, and stays.
        madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    }
    return 0;
}

}  // namespace

void give_back_memory() {
    malloc_trim(0);
}

void unmap_startup_code() {
    auto page_size = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    dl_iterate_phdr(unmap_unwritten, &page_size);
}

}  // namespace common
