#pragma once

#include "bus/broker.hpp"
#include "bus/home_question.hpp"
#include "resp/reply.hpp"
#include "streams/store.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::ledger {

/// A program that a Redis or a Valkey runs, as one step for everybody else.
struct script {
    std::string text;
    std::string sha1; ///< of the text, in hexadecimal digits: its name at the server
};

/// The scripts that there are; a server is given them all when it is greeted.
enum class program : std::uint8_t { publish, read, enter, leave, attend };
inline constexpr std::size_t programs = 5;
const script& script_of(program which);

/// A call of a script as the words of a command.
struct call {
    program which{};
    std::vector<std::string> keys{};
    std::vector<std::string> arguments{};

    std::size_t bytes() const noexcept; ///< of all words
    /// EVALSHA; or EVAL, for a server that does not know the script.
    std::vector<std::string_view> words(bool with_text, std::string& room) const;
};

/// How it is kept and told who is in a channel.
struct attending_rules {
    std::chrono::milliseconds ttl{60'000}; ///< of who is not heard of again
    std::size_t listed_max = 1'000;        ///< clients in one answer that lists them
    std::int64_t announced_max = -1;       ///< clients in a channel up to which comings and goings are told; -1: never
};

/// What a channel keeps, and what of it is told at once.
struct keeping {
    streams::keeping what{};
    bool newest_only = false; ///< only the newest publication counts for who comes back
    attending_rules there{};
};

/// Sends calls.
class call_taker {
public:
    /// On the connection that has the subscriptions. False: not now.
    virtual bool on_call(std::uint64_t number, const call& what) = 0;
    /// Whether the server that has the channel is there, where there are several of them. False: others may be.
    virtual bool may_call(std::string_view /*channel*/) const { return true; }

protected:
    ~call_taker() = default;
};

/// The names of what is kept at the server begin with it.
class names {
public:
    explicit names(std::string prefix) : prefix_{std::move(prefix)} {}
    /// Of a channel's stream, of its place, and of a publication's key. The channel in braces decides where in a
    /// cluster it is.
    std::string stream(std::string_view channel) const { return prefix_ + ".stream.{" + std::string{channel} + '}'; }
    std::string place(std::string_view channel) const { return prefix_ + ".place.{" + std::string{channel} + '}'; }
    /// Of who is in a channel.
    std::vector<std::string> attendance(std::string_view channel) const {
        std::vector<std::string> made;
        for (const char* each : {".there.{", ".whose.{", ".users.{", ".until.{"})
            made.push_back(prefix_ + each + std::string{channel} + '}');
        return made;
    }
    std::string key(std::string_view channel, std::string_view key) const {
        return prefix_ + ".key.{" + std::string{channel} + "}." + std::string{key};
    }

private:
    std::string prefix_;
};

/// A text that no other stream has as its epoch.
std::string fresh_epoch();

/// Publishes: numbers it, keeps it and sends it out. Without a `keeping.what.publications` it is only sent out.
call publishing(const names& in, std::string_view channel, const bus::publication& what, const keeping& how,
                std::chrono::seconds key_ttl);
/// Where it went. Empty: the answer makes no sense.
std::optional<bus::published> published_of(std::span<const resp::node> answer);

/// Asks for what there is to say to a question about a stream.
call reading(const names& in, std::string_view channel, const bus::home_question& asked, const keeping& how,
             const streams::page_limits& most);
/// The answer to that question. Empty: the server's makes no sense.
std::optional<bus::home_answer> answer_of(std::span<const resp::node> answer, const bus::home_question& asked,
                                          const keeping& how, const streams::page_limits& most);

} // namespace carillon::ledger
