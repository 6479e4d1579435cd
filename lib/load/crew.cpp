#include "load/crew.hpp"

#include "load/worker.hpp"

#include <cerrno>
#include <csignal>
#include <exception>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace carillon::load {
namespace {

constexpr int tick_ms = 50;

} // namespace

crew::crew(const options& what, const endpoint& where, std::uint32_t run)
    : what_{what}, figures_{what.processes, what.channels} {
    const pid_t parent = ::getpid();
    for (std::uint32_t number = 0; number < what.processes; ++number) {
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
            throw std::system_error{errno, std::generic_category(), "socketpair"};
        descriptor ours{pair[0]}, theirs{pair[1]};
        const pid_t process = ::fork();
        if (process < 0) throw std::system_error{errno, std::generic_category(), "fork"};
        if (process == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != parent) ::_exit(1); // it died before that could be asked for
            ours = {};
            members_.clear();
            work(where, run, number, theirs.number());
        }
        members_.push_back({process, std::move(ours), std::nullopt});
    }
}

void crew::work(const endpoint& where, std::uint32_t run, std::uint32_t number, int orders) {
    ::signal(SIGINT, SIG_IGN); // the parent decides when it is over; a signal may be for the whole group
    ::signal(SIGTERM, SIG_IGN);
    std::uint32_t first = 0;
    for (std::uint32_t i = 0; i < number; ++i) first += share(what_.connections, i);
    try {
        worker{{what_, where, number, first, share(what_.connections, number), run, figures_, orders}}.run();
    } catch (const std::exception& problem) {
        figures_.write_trouble(number, problem.what());
        ::_exit(1);
    }
    ::_exit(0);
}

// Grows with `of` for every member.
std::uint32_t crew::share(std::uint32_t of, std::uint32_t number) const noexcept {
    return of / what_.processes + (number < of % what_.processes ? 1 : 0);
}

void crew::tell(const order& all) {
    for (std::uint32_t number = 0; number < members_.size(); ++number) {
        order one = all;
        one.count = share(all.count, number);
        one.rate = all.rate / what_.processes;
        // They take turns.
        if (all.rate > 0) one.start += std::chrono::nanoseconds{static_cast<std::int64_t>(1e9 / all.rate * number)};
        member& to = members_[number];
        if (::send(to.orders.number(), &one, sizeof one, MSG_NOSIGNAL) != sizeof one) broken_ = true;
        to.unanswered = all.what;
    }
}

// False when the worker has ended.
bool crew::take_answers(member& from) {
    for (;;) {
        order_done answer;
        const ssize_t count = ::recv(from.orders.number(), &answer, sizeof answer, MSG_DONTWAIT);
        if (count == sizeof answer) {
            if (from.unanswered == answer.what) from.unanswered.reset();
        } else if (count >= 0 || (errno != EAGAIN && errno != EINTR)) {
            return false;
        } else {
            return true;
        }
    }
}

bool crew::is_whole() {
    for (member& each : members_)
        if (!take_answers(each)) broken_ = true;
    return !broken_;
}

void crew::freeze() {
    for (const member& each : members_) ::kill(each.process, SIGSTOP);
}

void crew::thaw() {
    for (const member& each : members_) ::kill(each.process, SIGCONT);
}

crew::outcome crew::await(clock::time_point limit, const std::function<bool()>& go_on) {
    std::vector<pollfd> waits;
    for (;;) {
        if (!is_whole()) return outcome::broken;
        waits.clear();
        for (const member& each : members_)
            if (each.unanswered) waits.push_back({each.orders.number(), POLLIN, 0});
        if (waits.empty()) return outcome::done;
        if (!go_on()) return outcome::interrupted;
        if (clock::now() >= limit) return outcome::timed_out;
        ::poll(waits.data(), waits.size(), tick_ms);
    }
}

void crew::quit() {
    if (members_.empty()) return;
    thaw();
    order last;
    last.what = order::kind::quit;
    tell(last);
    for (member& each : members_) {
        each.orders = {}; // whoever does not read the order sees this
        int status = 0;
        while (::waitpid(each.process, &status, 0) < 0 && errno == EINTR) {}
    }
    members_.clear();
}

} // namespace carillon::load
