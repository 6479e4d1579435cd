#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <linux/io_uring.h>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace carillon::bench {

[[noreturn]] inline void fail(const char* what) {
    throw std::runtime_error{std::string{what} + ": " + std::strerror(errno)};
}

/// As little of io_uring(7) as an experiment needs: one thread submits and takes what has come. Entries of the
/// submission queue are prepared in place. Throws std::runtime_error where the kernel has none, or does not let us.
class ring {
public:
    explicit ring(unsigned entries) {
        params_.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
        params_.cq_entries = entries * 4;
        descriptor_ = static_cast<int>(::syscall(__NR_io_uring_setup, entries, &params_));
        if (descriptor_ < 0) fail("io_uring_setup");
        const std::size_t sq_bytes = params_.sq_off.array + params_.sq_entries * sizeof(unsigned);
        const std::size_t cq_bytes = params_.cq_off.cqes + params_.cq_entries * sizeof(io_uring_cqe);
        rings_ = map(sq_bytes > cq_bytes ? sq_bytes : cq_bytes, IORING_OFF_SQ_RING);
        entries_ = reinterpret_cast<io_uring_sqe*>(map(params_.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
        auto* const order = at<unsigned>(params_.sq_off.array);
        for (unsigned i = 0; i < params_.sq_entries; ++i) order[i] = i;
        tail_ = *at<unsigned>(params_.sq_off.tail);
    }
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;
    ~ring() { ::close(descriptor_); }

    /// Room for one more; submits what there is if there is none.
    io_uring_sqe& prepare(std::uint8_t operation, int descriptor) {
        if (waiting_ == params_.sq_entries) submit(0);
        io_uring_sqe& made = entries_[tail_++ & (params_.sq_entries - 1)];
        std::memset(&made, 0, sizeof made);
        made.opcode = operation;
        made.fd = descriptor;
        ++waiting_;
        return made;
    }
    void submit(unsigned wait_for) {
        std::atomic_ref{*at<unsigned>(params_.sq_off.tail)}.store(tail_, std::memory_order_release);
        const unsigned flags = wait_for > 0 ? IORING_ENTER_GETEVENTS : 0;
        while (::syscall(__NR_io_uring_enter, descriptor_, waiting_, wait_for, flags, nullptr, 0) < 0)
            if (errno != EINTR) fail("io_uring_enter");
        waiting_ = 0;
    }
    /// Calls `seen(const io_uring_cqe&)` for each that has come.
    template <class Seen>
    unsigned take(Seen&& seen) {
        unsigned head = *at<unsigned>(params_.cq_off.head);
        const unsigned tail = std::atomic_ref{*at<unsigned>(params_.cq_off.tail)}.load(std::memory_order_acquire);
        const unsigned count = tail - head;
        const auto* const all = at<io_uring_cqe>(params_.cq_off.cqes);
        for (; head != tail; ++head) seen(all[head & (params_.cq_entries - 1)]);
        std::atomic_ref{*at<unsigned>(params_.cq_off.head)}.store(head, std::memory_order_release);
        return count;
    }
    int descriptor() const noexcept { return descriptor_; }

private:
    std::byte* map(std::size_t bytes, unsigned long long offset) const {
        void* const found = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor_,
                                   static_cast<off_t>(offset));
        if (found == MAP_FAILED) fail("mmap");
        return static_cast<std::byte*>(found);
    }
    template <class T>
    T* at(std::size_t offset) {
        return reinterpret_cast<T*>(rings_ + offset);
    }

    io_uring_params params_{};
    int descriptor_ = -1;
    std::byte* rings_ = nullptr;
    io_uring_sqe* entries_ = nullptr;
    unsigned tail_ = 0;
    unsigned waiting_ = 0;
};

} // namespace carillon::bench
