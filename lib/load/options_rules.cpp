#include "load/marker.hpp"
#include "load/raw_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace carillon::load {
namespace {

constexpr std::array scene_names{std::string_view{"idle"}, std::string_view{"fanout"}, std::string_view{"unicast"},
                                 std::string_view{"echo"}, std::string_view{"storm"},  std::string_view{"churn"}};
constexpr std::uint32_t connections_max = 4'000'000;
constexpr std::uint32_t processes_max = 200;
constexpr std::uint64_t descriptors_kept = 500; // for everything that is no connection
constexpr std::uint32_t payload_bytes_max = 1024 * 1024;
constexpr std::uint32_t at_once_max = 1'000'000;
constexpr double rate_max = 10'000'000;
constexpr double duration_s_max = 86'400;
constexpr int cpus_max = 1024;

std::chrono::nanoseconds seconds(double count) { return std::chrono::nanoseconds{std::llround(count * 1e9)}; }

std::string out_of_range(std::string_view flag, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
    return fmt::format("{} must be from {} to {}, not {}", flag, least, most, value);
}

std::string check_range(std::string_view flag, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
    return value >= least && value <= most ? std::string{} : out_of_range(flag, value, least, most);
}

// Not a number is refused too.
std::string check_length(std::string_view flag, double value, double least, double most) {
    return value >= least && value <= most ? std::string{}
                                           : fmt::format("{} must be from {} to {}, not {}", flag, least, most, value);
}

std::string first_of(std::initializer_list<std::string> complaints) {
    for (const std::string& complaint : complaints)
        if (!complaint.empty()) return complaint;
    return {};
}

template <class Number>
bool read_number(std::string_view text, Number& into) {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), into);
    return failed == std::errc{} && end == text.data() + text.size();
}

// "0,2-3"
std::string read_cpus(std::string_view text, std::vector<int>& into) {
    const std::string wrong =
        fmt::format("--cpus must be processors such as 0,2-3, below {}, not '{}'", cpus_max, text);
    while (!text.empty()) {
        const std::string_view part = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), part.size() + 1));
        const std::size_t dash = part.find('-');
        int first = 0, last = 0;
        if (!read_number(part.substr(0, dash), first)) return wrong;
        last = first;
        if (dash != part.npos && !read_number(part.substr(dash + 1), last)) return wrong;
        if (first < 0 || last < first || last >= cpus_max) return wrong;
        for (int cpu = first; cpu <= last; ++cpu) into.push_back(cpu);
    }
    return {};
}

std::string read_url(std::string_view flag, std::string_view text, std::initializer_list<std::string_view> schemes,
                     bool own_target, url& into) {
    const auto read = parse_url(text);
    if (!read || std::ranges::find(schemes, read->scheme) == schemes.end())
        return fmt::format("{} must be a URL such as {}://HOST:PORT, not '{}'", flag,
                           fmt::join(schemes, "://HOST:PORT or "), text);
    if (!own_target && !is_loopback(read->host))
        return fmt::format("{}: {} may be somebody else's machine; --i-own-this-target says it is not", flag,
                           read->host);
    into = *read;
    return {};
}

std::string check_header(std::string_view flag, const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
        const bool plain = std::ranges::all_of(line, [](unsigned char c) { return c >= ' ' && c != 0x7f; });
        if (!plain || line.find(':') == line.npos || line.starts_with(':'))
            return fmt::format("{} must be a line such as 'Name: value', not '{}'", flag, line);
    }
    return {};
}

std::string check_channel(const options& read) {
    const auto allowed = [](unsigned char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '{'; };
    if (!read.channel.empty() && read.channel.size() <= 200 && std::ranges::all_of(read.channel, allowed)) return {};
    return "--channel must be 1 to 200 printable ASCII characters other than \" \\ {";
}

std::string read_scene(const raw_options& given, options& into) {
    const auto* const found = std::ranges::find(scene_names, given.scene);
    if (found == scene_names.end())
        return given.scene.empty()
                   ? fmt::format("which scene? One of {}", fmt::join(scene_names, ", "))
                   : fmt::format("'{}' is no scene; give one of {}", given.scene, fmt::join(scene_names, ", "));
    into.scene = static_cast<scene>(found - scene_names.begin());
    if (given.protocol != "centrifuge" && given.protocol != "plain")
        return fmt::format("--protocol must be centrifuge or plain, not '{}'", given.protocol);
    into.protocol = given.protocol == "plain" ? protocol::plain : protocol::centrifuge;
    if (into.protocol == protocol::centrifuge && !(into.hello.empty() && into.hello_reply.empty()))
        return "--hello and --hello-reply are for --protocol plain; centrifuge has its own";
    if (into.hello.empty() && !into.hello_reply.empty()) return "--hello-reply needs --hello";
    const bool silent = into.scene == scene::idle || into.scene == scene::storm || into.scene == scene::churn;
    if (given.own_channels && !silent)
        return "--own-channels is for idle, storm and churn; the others decide themselves";
    if (given.read_later && !into.has_publications()) return "--read-later is for fanout and unicast";
    into.read_later = given.read_later;
    into.own_channels = given.own_channels || into.scene == scene::unicast || into.scene == scene::echo;
    return {};
}

// Flags that would change nothing are mistakes, too.
std::string check_use(const raw_options& given, const options& into) {
    const bool publishes = into.has_publications(), posts = publishes && into.publish && into.publish->scheme == "http";
    struct use {
        std::string_view flag;
        bool counts;
        std::string_view whose;
    };
    const use uses[]{
        {"--publishers", posts, "--publish http://..."},
        {"--in-flight", publishes, "fanout and unicast"},
        {"--burst", publishes, "fanout and unicast"},
        {"--payload-bytes", publishes || into.scene == scene::echo, "fanout, unicast and echo"},
        {"--warm-up", publishes || into.scene == scene::echo, "fanout, unicast and echo"},
        {"--duration", into.scene != scene::storm, "all but storm"},
    };
    for (const auto& [flag, counts, whose] : uses) {
        if (!counts && std::ranges::find(given.flags, flag) != given.flags.end())
            return fmt::format("{} is for {}", flag, whose);
    }
    return {};
}

std::string read_counts(const raw_options& given, std::uint64_t descriptors_max, options& into) {
    into.connections = given.connections.value_or(into.scene == scene::echo ? 64 : 1000);
    if (auto wrong = check_range("--connections", into.connections, 1, connections_max); !wrong.empty()) return wrong;
    const std::uint64_t share =
        descriptors_max > 2 * descriptors_kept ? descriptors_max - descriptors_kept : descriptors_max / 2;
    if (share == 0) return "the limit on open files is too low";
    const auto needed = static_cast<std::uint32_t>((into.connections + share - 1) / share);
    if (needed > processes_max)
        return fmt::format("{} connections need {} processes of {} files, and {} is the limit", into.connections,
                           needed, descriptors_max, processes_max);
    into.processes = given.processes.value_or(needed);
    if (into.processes < needed || into.processes > std::min(processes_max, into.connections))
        return fmt::format("{} connections need {} to {} processes of {} files, not {}", into.connections, needed,
                           std::min(processes_max, into.connections), descriptors_max, into.processes);
    into.window = given.window.value_or(into.scene == scene::storm ? into.connections : 200);
    if (into.scene == scene::idle)
        into.from = given.from.value_or(std::min(1500u, std::max(1u, into.connections / 10)));
    else if (given.from)
        return "--from is for idle";
    if (into.scene == scene::idle && into.connections < 2)
        return "idle compares two counts: --connections must be 2 or more";
    if (into.scene == scene::idle && (into.from < 1 || into.from >= into.connections))
        return fmt::format("--from must be from 1 to below --connections, which is {}, not {}", into.connections,
                           into.from);
    return first_of({check_range("--window", into.window, 1, connections_max),
                     check_length("--connect-rate", into.connect_rate, 0, rate_max),
                     check_range("--publishers", into.publishers, 1, 1000),
                     check_range("--in-flight", into.in_flight, 1, at_once_max),
                     check_range("--payload-bytes", into.payload_bytes, payload_bytes_min, payload_bytes_max),
                     check_range("--burst", into.burst, 1, at_once_max)});
}

std::string read_channels(const raw_options& given, options& into) {
    if (given.channels && into.scene != scene::unicast) return "--channels is for unicast";
    into.channels = into.own_channels ? given.channels.value_or(into.connections) : 1;
    if (into.channels > 0 && into.connections % into.channels == 0) return {};
    return fmt::format("--channels must divide --connections, which is {}, without a rest; {} does not",
                       into.connections, into.channels);
}

double usual_rate(scene which) {
    switch (which) {
    case scene::fanout: return 10;
    case scene::unicast: return 1000;
    case scene::churn: return 100;
    case scene::idle:
    case scene::echo:
    case scene::storm: return 0;
    }
    return 0;
}

std::string read_times(const raw_options& given, options& into) {
    into.rate = given.rate.value_or(usual_rate(into.scene));
    const bool rated = into.scene != scene::idle && into.scene != scene::storm;
    if (given.rate && !rated) return "--rate is for fanout, unicast, echo and churn";
    if (into.scene == scene::churn && into.rate == 0) return "--rate of churn must be above 0";
    const double warm_up = given.warm_up_s.value_or(into.has_publications() || into.scene == scene::echo ? 1 : 0);
    into.duration = seconds(given.duration_s);
    into.timeout = seconds(given.timeout_s);
    into.warm_up = seconds(warm_up);
    return first_of({check_length("--rate", into.rate, 0, rate_max),
                     check_length("--duration", given.duration_s, 0.001, duration_s_max),
                     check_length("--warm-up", warm_up, 0, duration_s_max),
                     check_length("--timeout", given.timeout_s, 0.1, duration_s_max)});
}

std::string read_targets(const raw_options& given, options& into) {
    if (auto wrong = read_url("--url", given.url, {"ws"}, given.own_target, into.target); !wrong.empty()) return wrong;
    if (!into.target.user.empty()) return "--url must not have a user; say who you are with --header";
    if (!into.has_publications()) return given.publish ? "--publish is for fanout and unicast" : "";
    url where;
    if (auto wrong = read_url("--publish", given.publish.value_or("redis://127.0.0.1:6390"), {"redis", "http"},
                              given.own_target, where);
        !wrong.empty())
        return wrong;
    if (where.scheme == "redis" && where.target != "/") return "--publish redis://... ends behind the port";
    if (where.scheme == "http" && !where.user.empty())
        return "--publish http://... must not have a user; say who you are with --publish-header";
    if (where.scheme == "redis" && !(into.publish_headers.empty() && into.publish_body == "{payload}"))
        return "--publish-body and --publish-header are for --publish http://...";
    if (into.publish_body.find("{payload}") == std::string::npos) return "--publish-body must have {payload} in it";
    into.publish = where;
    return {};
}

std::string check_files(const options& read) {
    return !read.json.empty() && read.json == read.svg ? "--json and --svg must not be the same file" : "";
}

std::string read_pids(const raw_options& given, options& into) {
    for (const std::int64_t pid : given.server_pids) {
        if (pid < 1 || pid > 4'194'304) return fmt::format("--server-pid must be a process, not {}", pid);
        if (std::ranges::find(into.server_pids, pid) != into.server_pids.end())
            return fmt::format("--server-pid {} is given twice: its CPU and memory would count twice", pid);
        into.server_pids.push_back(static_cast<pid_t>(pid));
    }
    if (into.scene == scene::idle && into.server_pids.empty())
        return "idle is about the server's memory: say whose with --server-pid";
    return read_cpus(given.cpus, into.cpus);
}

} // namespace

std::string check_options(const raw_options& given, std::uint64_t descriptors_max, options& into) {
    into = given.rest;
    return first_of({read_scene(given, into), read_targets(given, into), read_counts(given, descriptors_max, into),
                     read_channels(given, into), read_times(given, into), read_pids(given, into), check_channel(into),
                     check_header("--header", into.headers), check_header("--publish-header", into.publish_headers),
                     check_files(into), check_use(given, into)});
}

std::string_view name_of(scene which) noexcept { return scene_names[static_cast<std::size_t>(which)]; }

std::string options::channel_of(std::uint32_t connection) const {
    return own_channels ? fmt::format("{}-{}", channel, channel_number(connection)) : channel;
}

} // namespace carillon::load
