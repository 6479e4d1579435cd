#pragma once

#include "net/system_calls.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string_view>

namespace carillon::test {

/// What goes wrong in a socket call.
enum class mishap : std::uint8_t { reset, broken_pipe, again, interrupted, one_byte };
inline constexpr std::array mishaps{mishap::reset, mishap::broken_pipe, mishap::again, mishap::interrupted,
                                    mishap::one_byte};

constexpr std::string_view name_of(mishap what) noexcept {
    switch (what) {
    case mishap::reset: return "ECONNRESET";
    case mishap::broken_pipe: return "EPIPE";
    case mishap::again: return "EAGAIN";
    case mishap::interrupted: return "EINTR";
    case mishap::one_byte: return "one byte";
    }
    return "";
}

/// Whether the connection survives it.
constexpr bool is_fatal(mishap what) noexcept { return what == mishap::reset || what == mishap::broken_pipe; }

/// A plan for the socket calls of this thread: the call number `strike_at` on the descriptor `victim` meets a mishap,
/// and so do those that follow it until there were `strikes`; all others reach the kernel. Counts from 1.
struct io_script {
    int victim = -1;
    std::uint64_t strike_at = 0;
    mishap what = mishap::reset;
    std::uint64_t strikes = 1;
    bool bulk_only = false; ///< only send_many counts
    std::size_t taken = 1;  ///< bytes, of mishap::one_byte

    std::uint64_t calls = 0; ///< of the victim, so far
    bool struck = false;
    std::uint64_t accepts = 0; ///< on any descriptor
    std::uint64_t closes = 0;  ///< of any descriptor
};

inline thread_local io_script script; // the calls are plain functions, so their plan is global

namespace detail {

enum class verdict : std::uint8_t { pass, error, one_byte };

inline verdict judge(int descriptor, bool bulk, int& error) noexcept {
    if (descriptor != script.victim || (script.bulk_only && !bulk)) return verdict::pass;
    const std::uint64_t call = ++script.calls;
    if (call < script.strike_at || call - script.strike_at >= script.strikes) return verdict::pass;
    script.struck = true;
    switch (script.what) {
    case mishap::reset: error = ECONNRESET; return verdict::error;
    case mishap::broken_pipe: error = EPIPE; return verdict::error;
    case mishap::again: error = EAGAIN; return verdict::error;
    case mishap::interrupted: error = EINTR; return verdict::error;
    case mishap::one_byte: return verdict::one_byte;
    }
    return verdict::pass;
}

inline net::io_result accept(int listening) {
    ++script.accepts;
    int error = 0;
    if (judge(listening, false, error) == verdict::error) return {0, error};
    return net::kernel().accept(listening);
}

inline net::io_result receive(int descriptor, std::span<std::byte> into) {
    int error = 0;
    switch (judge(descriptor, false, error)) {
    case verdict::pass: break;
    case verdict::error: return {0, error};
    case verdict::one_byte: into = into.first(std::min(script.taken, into.size())); break;
    }
    return net::kernel().receive(descriptor, into);
}

inline net::io_result peek(int descriptor, std::span<std::byte> into) {
    int error = 0;
    switch (judge(descriptor, false, error)) {
    case verdict::pass: break;
    case verdict::error: return {0, error};
    case verdict::one_byte: into = into.first(std::min(script.taken, into.size())); break;
    }
    return net::kernel().peek(descriptor, into);
}

inline net::io_result send(int descriptor, std::span<const std::byte> bytes) {
    int error = 0;
    switch (judge(descriptor, false, error)) {
    case verdict::pass: break;
    case verdict::error: return {0, error};
    case verdict::one_byte: bytes = bytes.first(std::min(script.taken, bytes.size())); break;
    }
    return net::kernel().send(descriptor, bytes);
}

inline net::io_result send_many(int descriptor, std::span<const iovec> pieces) {
    int error = 0;
    switch (judge(descriptor, true, error)) {
    case verdict::pass: break;
    case verdict::error: return {0, error};
    case verdict::one_byte: {
        const iovec one{pieces.front().iov_base, 1};
        return net::kernel().send_many(descriptor, std::span{&one, 1});
    }
    }
    return net::kernel().send_many(descriptor, pieces);
}

inline int shutdown_sending(int descriptor) { return net::kernel().shutdown_sending(descriptor); }

inline int close(int descriptor) {
    ++script.closes;
    return net::kernel().close(descriptor);
}

} // namespace detail

/// The kernel's calls, with this thread's script in between.
inline const net::system_calls& scripted_calls() noexcept {
    static constexpr net::system_calls calls{detail::accept,    detail::receive,          detail::peek, detail::send,
                                             detail::send_many, detail::shutdown_sending, detail::close};
    return calls;
}

} // namespace carillon::test
