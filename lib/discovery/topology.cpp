#include "discovery/topology.hpp"

#include "discovery/slots.hpp"
#include "discovery/words.hpp"
#include "resp/writer.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace carillon::discovery {

namespace {

constexpr std::size_t host_bytes_max = 253; // RFC 1035 §2.3.4
constexpr std::size_t nodes_max = 4'096;    // that are remembered
constexpr const char* nonsense = "its answer is none of a cluster's node";

// Each slot a range of its own, with two replicas that say something about themselves.
constexpr resp::reply_limits answer_limits{
    .nodes_max = 1'000'000, .depth_max = 8, .bytes_max = 16 * 1024 * 1024, .text_bytes_max = 64 * 1024};

// The number behind "NAME:" on a line of its own.
std::optional<std::uint64_t> number_of(std::string_view text, std::string_view name) {
    const std::size_t at = text.find(name);
    if (at == std::string_view::npos) return {};
    std::uint64_t value = 0;
    const char* const begin = text.data() + at + name.size();
    const auto [end, failed] = std::from_chars(begin, text.data() + text.size(), value);
    return failed == std::errc{} ? std::optional{value} : std::nullopt;
}

// The nodes that are `nodes.front()` and all below it; taken from the front.
std::span<const resp::node> take_value(std::span<const resp::node>& nodes) {
    std::size_t end = 1;
    while (end < nodes.size() && nodes[end].depth > nodes.front().depth) ++end;
    const auto taken = nodes.first(end);
    nodes = nodes.subspan(end);
    return taken;
}

// [host, port, ...]; a node that does not know its host has no text, "" or "?" there: it is where it was asked.
std::optional<place> place_of(std::span<const resp::node> node, const place& asked) {
    if (node.size() < 3 || node.front().kind != resp::type::array || node[2].kind != resp::type::integer) return {};
    std::string_view host = node[1].text;
    if (node[1].kind == resp::type::null || host.empty() || host == "?") host = asked.host;
    const bool readable = std::ranges::all_of(host, [](char c) { return c > ' ' && c < 0x7f; });
    if (host.size() > host_bytes_max || !readable || host.starts_with('/')) return {};
    if (node[2].integer < 1 || node[2].integer > 65'535) return {};
    return place{std::string{host}, static_cast<std::uint16_t>(node[2].integer)};
}

} // namespace

std::size_t topology::primaries() const {
    std::vector<std::string> found;
    for (const range& each : ranges) found.push_back(to_string(each.primary));
    std::ranges::sort(found);
    return static_cast<std::size_t>(std::unique(found.begin(), found.end()) - found.begin());
}

cluster_talk::cluster_talk(const cluster_login& who, place asked)
    : asked_{std::move(asked)}, password_{who.password}, parser_{answer_limits}, awaits_{who.password.empty()
                                                                                             ? stage::state
                                                                                             : stage::login} {
    using words = std::initializer_list<std::string_view>;
    if (awaits_ == stage::login && who.user == "default") {
        resp::append_command(question_, words{"AUTH", who.password});
    } else if (awaits_ == stage::login) {
        resp::append_command(question_, words{"AUTH", who.user, who.password});
    }
    resp::append_command(question_, words{"CLUSTER", "INFO"});
    resp::append_command(question_, words{"CLUSTER", "SLOTS"});
}

bool cluster_talk::fail(std::string why) {
    why_ = std::move(why);
    return true;
}

bool cluster_talk::on_received(std::string_view bytes) {
    input_ += bytes;
    for (;;) {
        const auto step = parser_.next(input_);
        if (step.what == resp::outcome::failed) return fail(std::string{step.error});
        if (step.what == resp::outcome::need_more && step.drop_count > 0) return fail(nonsense);
        if (step.what == resp::outcome::need_more) return false;
        if (on_reply(step.nodes)) return true;
        input_.erase(0, step.consumed);
        if (input_.empty()) return false;
    }
}

bool cluster_talk::on_reply(std::span<const resp::node> nodes) {
    if (is_error(nodes.front())) return fail(for_the_log(without_arguments(nodes.front().text, password_)));
    switch (awaits_) {
    case stage::login: awaits_ = stage::state; return false;
    case stage::state: awaits_ = stage::ranges; return on_state(nodes.front().text);
    case stage::ranges: return on_ranges(nodes);
    }
    return fail(nonsense);
}

bool cluster_talk::on_state(std::string_view text) {
    const auto epoch = number_of(text, "cluster_current_epoch:");
    if (!epoch) return fail(nonsense);
    said_.epoch = *epoch;
    if (text.find("cluster_state:ok") != std::string_view::npos) return false;
    return fail("it says that the cluster is down");
}

// [[first, last, primary, replica, ...], ...]
bool cluster_talk::on_ranges(std::span<const resp::node> nodes) {
    if (nodes.front().kind != resp::type::array) return fail(nonsense);
    nodes = nodes.subspan(1);
    while (!nodes.empty()) {
        auto range = take_value(nodes);
        const bool fits = range.size() > 3 && range[0].kind == resp::type::array &&
                          range[1].kind == resp::type::integer && range[2].kind == resp::type::integer;
        if (!fits) return fail(nonsense);
        const std::int64_t first = range[1].integer;
        const std::int64_t last = range[2].integer;
        if (first < 0 || last < first || last >= slots) return fail(nonsense);
        range = range.subspan(3);
        const auto primary = place_of(take_value(range), asked_);
        if (!primary) return fail(nonsense);
        said_.ranges.push_back({static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last), *primary});
        said_.nodes.push_back(*primary);
        while (!range.empty()) {
            if (const auto replica = place_of(take_value(range), asked_)) said_.nodes.push_back(*replica);
        }
    }
    if (said_.ranges.empty()) return fail("its cluster has no slots");
    const auto order = [](const place& a, const place& b) {
        return a.host != b.host ? a.host < b.host : a.port < b.port;
    };
    std::ranges::sort(said_.nodes, order);
    said_.nodes.erase(std::unique(said_.nodes.begin(), said_.nodes.end()), said_.nodes.end());
    said_.nodes.resize(std::min(said_.nodes.size(), nodes_max));
    return true;
}

} // namespace carillon::discovery
