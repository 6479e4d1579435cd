// What io_uring would save of a delivery and of an echo, beside the calls that the gateway makes now: the same bytes
// over the same loopback connections, by turns, CPU time of the process that serves, the kernel's workers for it included. What a gateway does beside
// (frames, hub, timers) is left out, so that this is the most that could be saved.
//
//   carillon-uring [CONNECTIONS] [ROUNDS]        (defaults 4000 and 40)
//
// Prints CPU nanoseconds (user and system) for each send, and for each round trip, and the ratio to the calls.
#include "ring.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <span>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <vector>

namespace {

using carillon::bench::fail;
using carillon::bench::ring;

constexpr std::size_t frame_bytes = 160;
constexpr std::size_t talkers = 64; // connections of the echo
constexpr unsigned batch = 512;     // sends of one turn, as deliveries_per_turn
constexpr int turns = 5;            // of each way, of which the best counts

double cpu_ns() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto ns = [](const timeval& of) {
        return static_cast<double>(of.tv_sec) * 1e9 + static_cast<double>(of.tv_usec) * 1e3;
    };
    return ns(used.ru_utime) + ns(used.ru_stime);
}

int listening(std::uint16_t& port) {
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (made < 0 || ::bind(made, reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(made, 4096) != 0)
        fail("listen");
    ::getsockname(made, reinterpret_cast<sockaddr*>(&at), &size);
    port = ntohs(at.sin_port);
    return made;
}

// The other process: reads whatever comes, and answers each frame that wants an echo.
[[noreturn]] void be_the_clients(std::uint16_t port, std::size_t connections) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port);
    const int poll = ::epoll_create1(0);
    std::vector<int> all;
    for (std::size_t i = 0; i < connections; ++i) {
        const int made = ::socket(AF_INET, SOCK_STREAM, 0);
        if (::connect(made, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) std::_Exit(1);
        const int on = 1;
        ::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_event wanted{.events = EPOLLIN, .data = {.u64 = i}};
        ::epoll_ctl(poll, EPOLL_CTL_ADD, made, &wanted);
        all.push_back(made);
    }
    const std::string answer(frame_bytes, 'a');
    std::vector<std::size_t> position(connections);
    std::array<char, 65'536> bytes;
    std::array<epoll_event, 512> ready;
    for (;;) {
        const int count = ::epoll_wait(poll, ready.data(), static_cast<int>(ready.size()), -1);
        for (int i = 0; i < count; ++i) {
            const std::size_t which = ready[static_cast<std::size_t>(i)].data.u64;
            const ssize_t got = ::recv(all[which], bytes.data(), bytes.size(), 0);
            if (got <= 0) std::_Exit(0);
            for (std::size_t at = 0; at < static_cast<std::size_t>(got); ++at)
                if (position[which]++ % frame_bytes == 0 && bytes[at] == 'e')
                    (void)::send(all[which], answer.data(), answer.size(), MSG_NOSIGNAL);
        }
    }
}

const std::string frame(frame_bytes, 'd');
const std::string echoed = 'e' + std::string(frame_bytes - 1, 'e');

// --- a publication to everybody

void by_calls(const std::vector<int>& all) {
    for (const int each : all)
        if (::send(each, frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT) != static_cast<ssize_t>(frame.size()))
            fail("send");
}

void by_ring(ring& through, const std::vector<int>& all) {
    for (std::size_t at = 0; at < all.size();) {
        const std::size_t end = std::min(all.size(), at + batch);
        const unsigned count = static_cast<unsigned>(end - at);
        for (; at < end; ++at) {
            io_uring_sqe& one = through.prepare(IORING_OP_SEND, all[at]);
            one.addr = reinterpret_cast<__u64>(frame.data());
            one.len = frame_bytes;
            one.msg_flags = MSG_NOSIGNAL;
        }
        through.submit(count);
        unsigned seen = 0;
        while (seen < count) {
            seen += through.take([](const io_uring_cqe& each) {
                if (each.res != static_cast<int>(frame_bytes)) fail("a send of the ring");
            });
            if (seen < count) through.submit(1);
        }
    }
}

// --- echo: whoever is readable is answered

void start_talking(std::span<const int> all) {
    for (const int each : all) (void)::send(each, echoed.data(), frame_bytes, MSG_NOSIGNAL);
}

std::size_t echo_by_calls(std::span<const int> all, std::size_t wanted) {
    const int poll = ::epoll_create1(0);
    for (const int each : all) {
        epoll_event wish{.events = EPOLLIN | EPOLLET, .data = {.fd = each}};
        ::epoll_ctl(poll, EPOLL_CTL_ADD, each, &wish);
    }
    start_talking(all);
    std::array<char, 4096> bytes;
    std::array<epoll_event, talkers> ready;
    std::size_t done = 0, answered = 0; // as below
    while (answered < wanted + all.size()) {
        const int count = ::epoll_wait(poll, ready.data(), static_cast<int>(ready.size()), -1);
        for (int i = 0; i < count; ++i) {
            const int from = ready[static_cast<std::size_t>(i)].data.fd;
            // One read is enough where it has not filled the buffer: so does the gateway.
            if (::recv(from, bytes.data(), bytes.size(), MSG_DONTWAIT) <= 0) continue;
            ++answered;
            if (done == wanted) continue;
            ++done;
            (void)::send(from, echoed.data(), frame_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
    }
    ::close(poll);
    return done;
}

// Multishot receives into buffers that the kernel picks from a ring of them (io_uring_register,
// IORING_REGISTER_PBUF_RING).
class buffers {
public:
    static constexpr std::size_t bytes = 4096;
    static constexpr unsigned count = 256;

    explicit buffers(ring& of) {
        all_ = static_cast<io_uring_buf_ring*>(
            ::mmap(nullptr, count * sizeof(io_uring_buf), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        io_uring_buf_reg how{};
        how.ring_addr = reinterpret_cast<__u64>(all_);
        how.ring_entries = count;
        if (::syscall(__NR_io_uring_register, of.descriptor(), IORING_REGISTER_PBUF_RING, &how, 1) != 0)
            fail("buffers");
        for (unsigned i = 0; i < count; ++i) give(i);
    }
    void give(unsigned which) {
        // Not `bufs`: the header's flexible array lies elsewhere in C++.
        io_uring_buf& made = reinterpret_cast<io_uring_buf*>(all_)[tail_ & (count - 1)];
        made.addr = reinterpret_cast<__u64>(memory_.data() + which * bytes);
        made.len = bytes;
        made.bid = static_cast<__u16>(which);
        std::atomic_ref{all_->tail}.store(++tail_, std::memory_order_release);
    }

private:
    io_uring_buf_ring* all_ = nullptr;
    std::vector<char> memory_ = std::vector<char>(bytes * count);
    std::uint16_t tail_ = 0;
};

// Its connections are its own: a receive that is open would take what the calls are to have.
class ring_echo {
public:
    explicit ring_echo(std::span<const int> all) : all_{all} {
        for (const int each : all_) listen_to(each);
        through_.submit(0);
    }

    std::size_t go(std::size_t wanted) {
        start_talking(all_);
        std::size_t done = 0, answered = 0; // the last answers are answered once more, and that is not
        while (answered < wanted + all_.size()) {
            through_.submit(1);
            through_.take([&](const io_uring_cqe& each) {
                if (each.user_data >= of_send) return;
                const int from = static_cast<int>(each.user_data);
                if ((each.flags & IORING_CQE_F_BUFFER) != 0) room_.give(each.flags >> IORING_CQE_BUFFER_SHIFT);
                if ((each.flags & IORING_CQE_F_MORE) == 0) listen_to(from);
                if (each.res <= 0) throw std::runtime_error{fmt::format("a receive of the ring: {}", each.res)};
                ++answered;
                if (done == wanted) return;
                ++done;
                io_uring_sqe& one = through_.prepare(IORING_OP_SEND, from);
                one.addr = reinterpret_cast<__u64>(echoed.data());
                one.len = frame_bytes;
                one.msg_flags = MSG_NOSIGNAL;
                one.flags = IOSQE_CQE_SKIP_SUCCESS;
                one.user_data = of_send;
            });
        }
        return done;
    }

private:
    static constexpr __u64 of_send = __u64{1} << 32;

    void listen_to(int which) {
        io_uring_sqe& one = through_.prepare(IORING_OP_RECV, which);
        one.ioprio = IORING_RECV_MULTISHOT;
        one.flags = IOSQE_BUFFER_SELECT;
        one.user_data = static_cast<__u64>(which);
    }

    std::span<const int> all_;
    ring through_{256};
    buffers room_{through_};
};

// --- by turns

struct way {
    const char* name;
    std::function<std::size_t()> go; ///< how many it has done
};

void compare(const char* what, const std::vector<way>& ways) {
    std::vector<double> best(ways.size(), 1e18);
    for (int turn = 0; turn < turns; ++turn)
        for (std::size_t i = 0; i < ways.size(); ++i) {
            const double before = cpu_ns();
            const std::size_t done = ways[i].go();
            best[i] = std::min(best[i], (cpu_ns() - before) / static_cast<double>(done));
        }
    for (std::size_t i = 0; i < ways.size(); ++i)
        fmt::print("{:12} {:34} {:7.0f} ns  {:.2f} x\n", what, ways[i].name, best[i], best[i] / best[0]);
}

} // namespace

int main(int argc, char** argv) try {
    const std::size_t connections = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 4000;
    const std::size_t rounds = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 40;
    if (connections < 2 * talkers || connections > 18'000 || rounds == 0) {
        fmt::print(stderr, "carillon-uring [CONNECTIONS from {} to 18000] [ROUNDS]\n", 2 * talkers);
        return 2;
    }
    std::uint16_t port = 0;
    const int door = listening(port);
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(door);
        be_the_clients(port, connections);
    }
    std::vector<int> all;
    while (all.size() < connections) {
        const int one = ::accept4(door, nullptr, nullptr, SOCK_CLOEXEC);
        if (one < 0) fail("accept");
        const int on = 1;
        ::setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        all.push_back(one);
    }
    ring through{batch};
    const auto deliver = [&](const auto& one_round) {
        for (std::size_t i = 0; i < rounds; ++i) one_round();
        return connections * rounds;
    };
    compare("delivery", {{"send(), one for each", [&] { return deliver([&] { by_calls(all); }); }},
                         {"io_uring, 512 sends at once", [&] { return deliver([&] { by_ring(through, all); }); }}});
    const std::size_t trips = connections * rounds;
    const std::span some{all};
    ring_echo answering{some.subspan(talkers, talkers)};
    compare("round trip", {{"epoll, recv(), send()", [&] { return echo_by_calls(some.first(talkers), trips); }},
                           {"io_uring, multishot receive, send", [&] { return answering.go(trips); }}});
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    return 0;
} catch (const std::exception& what) {
    fmt::print(stderr, "carillon-uring: {}\n", what.what());
    return 1;
}
