// Asks GET /livez of 127.0.0.1 again and again, each time on a new connection, and appends to a file for each answer a line: seconds since the
// machine started, status (0: none), microseconds from before connect() to the end of the answer. For ../million.sh.
//
//     ask-livez PORT FILE MILLISECONDS_BETWEEN
#include <arpa/inet.h>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace {

double now() {
    timespec at{};
    clock_gettime(CLOCK_BOOTTIME, &at);
    return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) / 1e9;
}

int ask(int port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::string request = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    std::string answer;
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
        ::send(socket, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
        char bytes[1024];
        for (ssize_t got = 0; (got = ::recv(socket, bytes, sizeof bytes, 0)) > 0;) answer.append(bytes, static_cast<std::size_t>(got));
    }
    ::close(socket);
    return answer.starts_with("HTTP/1.1 ") ? std::atoi(answer.c_str() + 9) : 0;
}

} // namespace

int main(int count, char** words) {
    if (count != 4) return 2;
    std::FILE* const out = std::fopen(words[2], "a");
    if (out == nullptr) return 1;
    for (;;) {
        const double asked = now();
        const int status = ask(std::atoi(words[1]));
        std::fprintf(out, "%.3f %d %.0f\n", asked, status, (now() - asked) * 1e6);
        std::fflush(out);
        ::usleep(static_cast<useconds_t>(std::atoi(words[3]) * 1000));
    }
}
