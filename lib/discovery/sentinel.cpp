#include "discovery/sentinel.hpp"

#include "discovery/words.hpp"
#include "resp/writer.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace carillon::discovery {

namespace {

constexpr std::size_t host_bytes_max = 253; // RFC 1035 §2.3.4

// Two short texts, or an error.
constexpr resp::reply_limits answer_limits{
    .nodes_max = 16, .depth_max = 2, .bytes_max = 16 * 1024, .text_bytes_max = 4 * 1024};

std::optional<place> place_of(std::span<const resp::node> nodes) {
    if (nodes.size() != 3 || nodes.front().kind != resp::type::array) return {};
    const std::string_view host = nodes[1].text;
    const std::string_view port = nodes[2].text;
    const bool readable = std::ranges::all_of(host, [](char c) { return c > ' ' && c < 0x7f; });
    if (host.empty() || host.size() > host_bytes_max || !readable || host.front() == '/') return {};
    place found{std::string{host}, 0};
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), found.port);
    if (failed != std::errc{} || end != port.data() + port.size() || found.port == 0) return {};
    return found;
}

} // namespace

sentinel_talk::sentinel_talk(const sentinel_options& how)
    : master_{how.master}, password_{how.password}, parser_{answer_limits}, logging_in_{!how.password.empty()} {
    if (logging_in_ && how.user == "default") {
        resp::append_command(question_, std::initializer_list<std::string_view>{"AUTH", how.password});
    } else if (logging_in_) {
        resp::append_command(question_, std::initializer_list<std::string_view>{"AUTH", how.user, how.password});
    }
    resp::append_command(question_,
                         std::initializer_list<std::string_view>{"SENTINEL", "get-master-addr-by-name", how.master});
}

sentinel_talk::outcome sentinel_talk::none(std::string why) {
    outcome said;
    said.why = std::move(why);
    return said;
}

std::optional<sentinel_talk::outcome> sentinel_talk::on_received(std::string_view bytes) {
    input_ += bytes;
    for (;;) {
        const auto step = parser_.next(input_);
        if (step.what == resp::outcome::failed) return none(std::string{step.error});
        if (step.what == resp::outcome::need_more && step.drop_count > 0)
            return none("its answer is none of a Sentinel");
        if (step.what == resp::outcome::need_more) return {};
        if (auto said = on_reply(step.nodes)) return said;
        input_.erase(0, step.consumed);
        if (input_.empty()) return {};
    }
}

std::optional<sentinel_talk::outcome> sentinel_talk::on_reply(std::span<const resp::node> nodes) {
    if (is_error(nodes.front())) {
        std::string why = for_the_log(without_arguments(nodes.front().text, password_));
        return none(why.empty() ? "its answer is an error without a word" : std::move(why));
    }
    if (std::exchange(logging_in_, false)) return {};
    if (nodes.front().kind == resp::type::null) return none("it watches no master of the name " + for_the_log(master_));
    auto found = place_of(nodes);
    if (!found) return none("its answer is none of a Sentinel");
    outcome said;
    said.master = std::move(*found);
    return said;
}

std::size_t sentinel_votes::next() noexcept {
    const std::size_t who = turn_;
    turn_ = (turn_ + 1) % said_.size();
    return who;
}

bool sentinel_votes::disputed(const place& now) const {
    return std::ranges::any_of(said_, [&](const auto& each) { return each && *each != now; });
}

std::optional<place> sentinel_votes::majority() const {
    for (const auto& each : said_) {
        if (each && 2 * static_cast<std::size_t>(std::ranges::count(said_, each)) > said_.size()) return each;
    }
    return {};
}

void sentinel_votes::forget() { std::ranges::fill(said_, std::nullopt); }

} // namespace carillon::discovery
