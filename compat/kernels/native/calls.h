// The table by which OneFlow's library calls functions, its own and others', and how to change it.
#ifndef OFM_CALLS_H_
#define OFM_CALLS_H_

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace ofm {
namespace calls {

struct Library {
  const char* file = "/liboneflow-";
  ElfW(Addr) base = 0;
  const ElfW(Sym)* symbols = nullptr;
  const char* names = nullptr;
  const uint32_t* hash = nullptr;
  const ElfW(Rela)* calls = nullptr;
  size_t call_count = 0;
  ElfW(Addr) sealed_begin = 0, sealed_end = 0;
};

inline int look_at(dl_phdr_info* info, size_t, void* out) {
  auto* library = static_cast<Library*>(out);
  if (std::strstr(info->dlpi_name, library->file) == nullptr) { return 0; }
  library->base = info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& part = info->dlpi_phdr[i];
    if (part.p_type == PT_GNU_RELRO) {
      library->sealed_begin = info->dlpi_addr + part.p_vaddr;
      library->sealed_end = library->sealed_begin + part.p_memsz;
    }
    if (part.p_type != PT_DYNAMIC) { continue; }
    const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(info->dlpi_addr + part.p_vaddr);
    for (; entry->d_tag != DT_NULL; ++entry) {
      const auto at = entry->d_un.d_ptr;
      if (entry->d_tag == DT_SYMTAB) { library->symbols = reinterpret_cast<ElfW(Sym)*>(at); }
      if (entry->d_tag == DT_STRTAB) { library->names = reinterpret_cast<const char*>(at); }
      if (entry->d_tag == DT_GNU_HASH) { library->hash = reinterpret_cast<const uint32_t*>(at); }
      if (entry->d_tag == DT_JMPREL) { library->calls = reinterpret_cast<const ElfW(Rela)*>(at); }
      if (entry->d_tag == DT_PLTRELSZ) {
        library->call_count = entry->d_un.d_val / sizeof(ElfW(Rela));
      }
    }
  }
  return 1;
}

// The number of a symbol in the library's table; 0 if it is not there. The first ones are of other
// libraries, and not in the index.
inline uint32_t foreign_symbol_number(const Library& library, const char* name) {
  for (uint32_t number = 1; number < library.hash[1]; ++number) {
    if (std::strcmp(library.names + library.symbols[number].st_name, name) == 0) { return number; }
  }
  return 0;
}
inline uint32_t symbol_number(const Library& library, const char* name) {
  uint32_t wanted = 5381;
  for (const char* at = name; *at != 0; ++at) {
    wanted = wanted * 33 + static_cast<unsigned char>(*at);
  }
  const uint32_t buckets = library.hash[0], first = library.hash[1], bloom = library.hash[2];
  const uint32_t* bucket = library.hash + 4 + bloom * (sizeof(ElfW(Addr)) / 4);
  const uint32_t* chain = bucket + buckets;
  uint32_t number = bucket[wanted % buckets];
  if (number < first) { return 0; }
  for (;; ++number) {
    const uint32_t found = chain[number - first];
    if ((found | 1) == (wanted | 1)
        && std::strcmp(library.names + library.symbols[number].st_name, name) == 0) {
      return number;
    }
    if (found & 1) { return 0; }
  }
}

inline void** slot_of(const Library& library, uint32_t number) {
  if (number == 0) { return nullptr; }
  for (size_t i = 0; i < library.call_count; ++i) {
    if (ELF64_R_SYM(library.calls[i].r_info) == number) {
      return reinterpret_cast<void**>(library.base + library.calls[i].r_offset);
    }
  }
  return nullptr;
}

inline bool replace(const Library& library, void** slot, void* function) {
  const auto at = reinterpret_cast<ElfW(Addr)>(slot);
  if (at < library.sealed_begin || at >= library.sealed_end) {
    *slot = function;
    return true;
  }
  const auto page = static_cast<ElfW(Addr)>(sysconf(_SC_PAGESIZE));
  auto* begin = reinterpret_cast<void*>(at & ~(page - 1));
  if (mprotect(begin, page, PROT_READ | PROT_WRITE) != 0) { return false; }
  *slot = function;
  mprotect(begin, page, PROT_READ);
  return true;
}

// OneFlow's library, or another file of its; without symbols where it is not as expected.
inline Library library(const char* file = "/liboneflow-") {
  Library found;
  found.file = file;
  dl_iterate_phdr(look_at, &found);
  if (!found.names || !found.hash || !found.calls) { found.symbols = nullptr; }
  return found;
}

inline void** slot_of(const Library& library, const char* name) {
  return slot_of(library, symbol_number(library, name));
}

inline uintptr_t address_of(const Library& library, const char* name) {
  return library.base + library.symbols[symbol_number(library, name)].st_value;
}

}  // namespace calls
}  // namespace ofm

#endif  // OFM_CALLS_H_
