#include "load/kernel_memory.hpp"

#include "load/proc_text.hpp"

#include <cerrno>
#include <string>
#include <unistd.h>

namespace carillon::load {
namespace {

error_code unknown_file() { return {EBADMSG, boost::system::system_category()}; }

std::optional<std::int64_t> count_slab_objects() {
    const result<std::string> slabs = read_proc_file("/proc/slabinfo");
    return slabs ? slabinfo_active_bytes(*slabs) : std::nullopt;
}

result<std::int64_t> count_slab_pages() {
    const result<std::string> memory = read_proc_file("/proc/meminfo");
    if (!memory) return memory.error();
    const auto bytes = meminfo_slab_bytes(*memory);
    if (!bytes) return unknown_file();
    return *bytes;
}

result<std::int64_t> read_socket_bytes() {
    const result<std::string> sockets = read_proc_file("/proc/net/sockstat");
    if (!sockets) return sockets.error();
    const auto pages = sockstat_tcp_pages(*sockets);
    if (!pages) return unknown_file();
    return *pages * sysconf(_SC_PAGESIZE);
}

} // namespace

result<kernel_memory> read_kernel_memory() {
    const auto objects = count_slab_objects();
    const auto slab_bytes = objects ? result<std::int64_t>{*objects} : count_slab_pages();
    if (!slab_bytes) return slab_bytes.error();
    const auto socket_bytes = read_socket_bytes();
    if (!socket_bytes) return socket_bytes.error();
    return kernel_memory{*slab_bytes, *socket_bytes, objects.has_value()};
}

std::optional<std::int64_t> slabinfo_active_bytes(std::string_view text) {
    if (!text.starts_with("slabinfo - version: 2.")) return std::nullopt;
    take_line(text);
    std::int64_t sum = 0;
    while (auto line = take_line(text)) {
        if (line->starts_with('#')) continue;
        take_word(*line); // the cache's name
        const auto active = whole_number(take_word(*line));
        take_word(*line); // all objects, free ones too
        const auto object_bytes = whole_number(take_word(*line));
        std::int64_t bytes = 0;
        if (!active || !object_bytes || __builtin_mul_overflow(*active, *object_bytes, &bytes) ||
            __builtin_add_overflow(sum, bytes, &sum))
            return std::nullopt;
    }
    return sum;
}

std::optional<std::int64_t> meminfo_slab_bytes(std::string_view text) { return kibibytes_after(text, "Slab:"); }

std::optional<std::int64_t> sockstat_tcp_pages(std::string_view text) {
    while (auto line = take_line(text)) {
        if (take_word(*line) != "TCP:") continue;
        while (!line->empty()) {
            if (take_word(*line) == "mem") return whole_number(take_word(*line));
        }
    }
    return std::nullopt;
}

} // namespace carillon::load
