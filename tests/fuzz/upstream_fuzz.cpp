#include "base/check.hpp"
#include "upstream/upstream.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace {

using namespace carillon::upstream;
using carillon::upstream::upstream;
using namespace std::chrono_literals;
using clock = upstream::clock;

// Small, so that the fuzzer reaches them.
upstream_options small_options() {
    upstream_options how;
    how.connect_timeout = 20ms;
    how.reply_timeout = 30ms;
    how.ping_interval = 10ms;
    how.backoff_min = 1ms;
    how.backoff_max = 8ms;
    how.linger = 5ms;
    how.in_flight_max = 3;
    how.output_bytes_max = 500;
    how.channels_per_command = 2;
    how.asked_max = 3;
    how.payload_bytes_max = 8;
    return how;
}

// What a server says, rightly or not; the fuzzer adds bytes of its own.
constexpr std::array<std::string_view, 16> sayings{
    "%1\r\n+proto\r\n:3\r\n",
    ">3\r\n+subscribe\r\n+a\r\n:1\r\n",
    ">3\r\n+subscribe\r\n+b\r\n:1\r\n",
    ">3\r\n+subscribe\r\n+c\r\n:1\r\n",
    ">3\r\n+unsubscribe\r\n+a\r\n:0\r\n",
    ">3\r\n+unsubscribe\r\n+b\r\n:0\r\n",
    ">3\r\n+message\r\n+a\r\n+hello\r\n",
    "+PONG\r\n",
    ":1\r\n",
    "-ERR no\r\n",
    "-NOPERM no\r\n",
    "-ERR unknown command\r\n", // to HELLO; then it goes on without RESP3
    "*3\r\n+subscribe\r\n+a\r\n:1\r\n",
    "*3\r\n+message\r\n+a\r\n+hello\r\n",
    "*3\r\n+master\r\n:1\r\n*0\r\n",
    "*5\r\n+slave\r\n+h\r\n:1\r\n+connected\r\n:1\r\n",
};
constexpr std::array<std::string_view, 4> channels{"a", "b", "c", "d"};

/// Does what the input says to an upstream, and checks what it says in turn.
class story final : upstream_listener {
public:
    void tell(std::string_view input) {
        while (!input.empty()) {
            const auto code = static_cast<std::uint8_t>(input.front());
            input.remove_prefix(1);
            turn(code, input);
            link_.check_invariants();
            act();
        }
        link_.on_disconnected("the end", now_);
        CHECK(publishing_.empty());
    }

private:
    void turn(std::uint8_t code, std::string_view& input) {
        const std::uint8_t what = code / 16;
        const std::string_view channel = channels[code % channels.size()];
        if (what < 2) return want_or_release(channel);
        if (what == 2) return publish(channel);
        if (what == 3) return pass(std::chrono::milliseconds{code % 16});
        if (what == 4) return wake();
        if (what == 5) {
            const auto which = code % 2 == 0 ? upstream::line::first : upstream::line::second;
            return link_.on_written(std::min<std::size_t>(link_.output(which).size(), code % 16 * 8), which);
        }
        if (what == 6 && code % 16 == 0) return link_.on_disconnected("gone", now_);
        if (what == 6 && code % 16 == 1) return link_.on_more_addresses(true);
        if (what < 10) return link_.on_received(sayings[code % sayings.size()], now_);
        if (what < 13) return link_.on_received(sayings[code % sayings.size()], now_, upstream::line::second);
        const std::string_view bytes = input.substr(0, code % 16);
        input.remove_prefix(bytes.size());
        link_.on_received(bytes, now_);
    }
    void want_or_release(std::string_view channel) {
        if (wanted_.erase(channel) == 1) {
            told_.erase(std::string{channel});
            refused_.erase(std::string{channel});
            return link_.release(channel, now_);
        }
        wanted_.insert(channel);
        link_.want(channel, now_);
    }
    void publish(std::string_view channel) {
        publishing_.insert(++publications_);
        link_.publish(publications_, channel, "payload", now_);
    }
    void pass(clock::duration time) {
        now_ += time;
        link_.on_time(now_);
    }
    // To wake when it asks for it leads somewhere.
    void wake() {
        now_ = std::max(now_, link_.wake_at());
        for (int i = 0; i < 20 && link_.wake_at() <= now_; ++i) {
            link_.on_time(now_);
            act();
        }
        CHECK(link_.wake_at() > now_);
    }
    void act() {
        const upstream::action due = link_.next_action();
        if (due == upstream::action::connect) link_.on_connected(now_);
        if (due == upstream::action::connect_second) link_.on_connected(now_, upstream::line::second);
    }

    void on_subscribed(std::string_view channel) override {
        CHECK(wanted_.contains(channel) && told_.insert(std::string{channel}).second);
    }
    void on_refused(std::string_view channel, error) override {
        CHECK(wanted_.contains(channel) && refused_.insert(std::string{channel}).second);
    }
    void on_message(std::string_view channel, std::string_view payload) override {
        heard_.assign(channel).append(payload); // reads all of it
    }
    void on_oversized(std::string_view channel, std::uint64_t payload_bytes) override {
        CHECK(payload_bytes > small_options().payload_bytes_max);
        heard_.assign(channel);
    }
    void on_published(std::uint64_t publication, publish_result) override {
        CHECK(publishing_.erase(publication) == 1);
    }
    void on_away(std::string_view why) override {
        CHECK(why == link_.last_failure());
        told_.clear();
        refused_.clear();
    }
    void on_back() override { CHECK(link_.live()); }

    clock::time_point now_{1h};
    std::string heard_;
    upstream link_{small_options(), *this, [] { return 0.5; }, now_};
    std::set<std::string, std::less<>> told_;
    std::set<std::string, std::less<>> refused_;
    std::set<std::string_view> wanted_;
    std::set<std::uint64_t> publishing_;
    std::uint64_t publications_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    story{}.tell({reinterpret_cast<const char*>(data), size});
    return 0;
}
