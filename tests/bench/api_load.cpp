// What a publication over the server API costs a gateway: posts small ones over keep-alive connections, and looks at
// the processor time of the gateway's threads meanwhile, which says more than the rate where others share the machine.
//
//   api_load PORT PID [CONNECTIONS] [DEPTH] [SECONDS] [KEY]        (defaults 16, 1, 5 and "bench")
//
// Each connection has a channel of its own, sends DEPTH requests in one write, and the next ones when all of these have
// been answered. Before it is measured it runs for a second.
#include <fmt/format.h>

#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

[[noreturn]] void fail(std::string_view what) {
    fmt::print(stderr, "api_load: {}\n", what);
    std::exit(1);
}

struct lane {
    int socket;
    std::string burst; ///< the requests
    std::string in;
    int missing = 0; ///< answers
};

int connect_to(int port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail(std::strerror(errno));
    const int yes = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return socket;
}

std::string request(int number, std::string_view key) {
    const std::string body = fmt::format(R"({{"channel":"own:{}","data":"{}"}})", number, std::string(126, 'd'));
    return fmt::format("POST /api/publish HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {}\r\n"
                       "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                       key, body.size(), body);
}

void send_burst(lane& to, int depth) {
    to.missing = depth;
    for (std::string_view rest = to.burst; !rest.empty();) {
        const ssize_t sent = ::send(to.socket, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent <= 0) fail("the gateway closed the connection");
        rest.remove_prefix(static_cast<std::size_t>(sent));
    }
}

// How many answers have come.
std::uint64_t receive(lane& from) {
    std::array<char, 65'536> buffer;
    const ssize_t count = ::recv(from.socket, buffer.data(), buffer.size(), 0);
    if (count <= 0) fail("the gateway closed the connection");
    from.in.append(buffer.data(), static_cast<std::size_t>(count));
    std::uint64_t answers = 0;
    std::size_t at = 0;
    for (;;) {
        const std::string_view rest = std::string_view{from.in}.substr(at);
        const std::size_t head = rest.find("\r\n\r\n");
        if (head == rest.npos) break;
        constexpr std::string_view field = "Content-Length: ";
        const std::size_t length_at = rest.find(field);
        if (!rest.starts_with("HTTP/1.1 200 ") || length_at > head) fail(rest);
        std::size_t length = 0;
        std::from_chars(rest.data() + length_at + field.size(), rest.data() + head, length);
        if (rest.size() < head + 4 + length) break;
        if (rest.substr(head + 4, length) != R"({"result":{}})") fail(rest);
        at += head + 4 + length;
        ++answers;
    }
    from.in.erase(0, at);
    return answers;
}

/// What a thread has used: processor time in nanoseconds.
std::map<std::string, double> threads_of(const std::string& pid) {
    std::map<std::string, double> all;
    for (const auto& each : std::filesystem::directory_iterator{"/proc/" + pid + "/task"}) {
        std::ifstream file{each.path() / "schedstat"}; // exact, unlike stat
        double used = 0;
        file >> used;
        all[each.path().filename()] = used;
    }
    return all;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) fail("api_load PORT PID [CONNECTIONS] [DEPTH] [SECONDS] [KEY]");
    const auto number = [&](int index, int otherwise) { return argc > index ? std::atoi(argv[index]) : otherwise; };
    const int connections = number(3, 16);
    const int depth = number(4, 1);
    const std::chrono::seconds length{number(5, 5)};
    const std::string pid = argv[2];
    std::vector<lane> lanes;
    std::vector<pollfd> waits;
    for (int i = 0; i < connections; ++i) {
        lane& made = lanes.emplace_back(lane{connect_to(number(1, 0)), {}, {}});
        for (int k = 0; k < depth; ++k) made.burst += request(i, argc > 6 ? argv[6] : "bench");
        waits.push_back({made.socket, POLLIN, 0});
        send_burst(made, depth);
    }
    std::uint64_t answers = 0;
    const auto run_until = [&](clock_type::time_point end) {
        while (clock_type::now() < end) {
            if (::poll(waits.data(), waits.size(), 10'000) <= 0) fail("no answer within ten seconds");
            for (std::size_t i = 0; i < lanes.size(); ++i) {
                if (waits[i].revents == 0) continue;
                const std::uint64_t come = receive(lanes[i]);
                answers += come;
                lanes[i].missing -= static_cast<int>(come);
                if (lanes[i].missing == 0) send_burst(lanes[i], depth);
            }
        }
    };
    run_until(clock_type::now() + std::chrono::seconds{1});
    answers = 0;
    const auto before = threads_of(pid);
    const auto begun = clock_type::now();
    run_until(begun + length);
    const double took = std::chrono::duration<double>{clock_type::now() - begun}.count();
    const auto after = threads_of(pid);
    double control = 0, all = 0;
    for (const auto& [id, used] : after) {
        const double spent = before.contains(id) ? used - before.at(id) : used;
        all += spent;
        if (id == pid) control = spent;
    }
    const auto count = static_cast<double>(answers);
    fmt::print(
        "{} connections, {} at once on each: {:.0f} publications/s; processor time for each: {:.2f} us, of which "
        "the control thread {:.2f} us; one processor can do {:.0f}/s\n",
        connections, depth, count / took, all / count / 1e3, control / count / 1e3, count / all * 1e9);
}
