#include "support/serving.hpp"
#include "support/started.hpp"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace carillon::gateway {
namespace {

using test::started;

/// What systemd is to a service: a socket for datagrams.
struct listening_supervisor {
    listening_supervisor() {
        EXPECT_NE(::mkdtemp(folder.data()), nullptr);
        path = folder + "/notify";
        sockaddr_un mine{};
        mine.sun_family = AF_UNIX;
        path.copy(mine.sun_path, path.size());
        descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(::bind(descriptor, reinterpret_cast<sockaddr*>(&mine), sizeof mine), 0);
    }
    ~listening_supervisor() {
        ::close(descriptor);
        ::unlink(path.c_str());
        ::rmdir(folder.c_str());
    }
    std::string hear() const {
        std::array<char, 4096> text{};
        const auto count = ::recv(descriptor, text.data(), text.size(), 0);
        return {text.data(), count < 0 ? 0u : static_cast<std::size_t>(count)};
    }
    /// The next that is not a sign of life.
    std::string hear_news() const {
        std::string said = hear();
        while (said == "WATCHDOG=1") said = hear();
        return said;
    }

    std::string folder = ::testing::TempDir() + "carillon-supervisor-XXXXXX";
    std::string path;
    int descriptor = -1;
};

std::vector<std::string> command() {
    return {
        CARILLON_PROGRAM,          "--dev", "--shards=1", "--client-listen=127.0.0.1:0", "--control-listen=127.0.0.1:0",
        "--bus-listen=127.0.0.1:0"};
}

TEST(supervisor, hears_when_the_program_is_ready_reads_its_configuration_anew_and_stops) {
    const listening_supervisor systemd;
    started program{command(), {{"NOTIFY_SOCKET", systemd.path}}};
    EXPECT_EQ(systemd.hear(), "READY=1");
    ::kill(program.process(), SIGHUP);
    EXPECT_TRUE(systemd.hear().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    EXPECT_EQ(systemd.hear(), "READY=1");
    ::kill(program.process(), SIGTERM);
    EXPECT_EQ(systemd.hear(), "STOPPING=1");
    EXPECT_EQ(program.wait(), 0);
}

TEST(supervisor, hears_that_all_shards_go_on_if_it_wants_to) {
    const listening_supervisor systemd;
    started program{command(), {{"NOTIFY_SOCKET", systemd.path}, {"WATCHDOG_USEC", "100000"}}};
    EXPECT_EQ(systemd.hear_news(), "READY=1");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(systemd.hear(), "WATCHDOG=1");
    ::kill(program.process(), SIGTERM);
    EXPECT_EQ(systemd.hear_news(), "STOPPING=1");
    EXPECT_EQ(program.wait(), 0);
}

TEST(supervisor, that_is_not_there_is_told_nothing) {
    for (const char* const name : {"/tmp/carillon-nobody/notify", "nonsense", "@carillon-nobody", ""}) {
        started program{command(), {{"NOTIFY_SOCKET", name}, {"WATCHDOG_USEC", "x"}}};
        // It serves: a thread sanitizer loses a signal that comes before the loop waits for the first time.
        const std::string log = test::read_until_ready(program.err());
        EXPECT_TRUE(test::get(test::port_in(log, "control"), "/livez").starts_with("HTTP/1.1 200 OK\r\n"));
        ::kill(program.process(), SIGTERM);
        EXPECT_EQ(program.wait(), 0) << name;
    }
}

} // namespace
} // namespace carillon::gateway
