#include "ledger/script.hpp"

#include "base/check.hpp"
#include "ledger/attendance.hpp"
#include "ledger/envelope.hpp"
#include "ledger/texts.hpp"

#include <boost/uuid/detail/sha1.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

namespace carillon::ledger {

namespace {

std::string sha1_of(std::string_view text) {
    boost::uuids::detail::sha1 made;
    made.process_bytes(text.data(), text.size());
    boost::uuids::detail::sha1::digest_type digest{};
    made.get_digest(digest);
    std::string name;
    for (const auto each : digest) name += fmt::format("{:08x}", each);
    return name;
}

// A number larger than any offset that Lua can count to is as good as that.
constexpr std::uint64_t counted_max = std::uint64_t{1} << 53;

bool read_number(std::string_view text, std::uint64_t& into) noexcept {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), into);
    return failed == std::errc{} && end == text.data() + text.size();
}

} // namespace

const script& script_of(program which) {
    static const std::array<std::string_view, programs> texts{texts::publish, texts::read, texts::enter, texts::leave,
                                                              texts::attend};
    static const std::array<script, programs> all = [] {
        std::array<script, programs> made;
        for (std::size_t i = 0; i < programs; ++i) {
            const bool of_presence = i >= static_cast<std::size_t>(program::enter);
            std::string text{of_presence ? texts::attendance : std::string_view{}};
            text += texts.at(i);
            made.at(i) = {text, sha1_of(text)};
        }
        return made;
    }();
    return all.at(static_cast<std::size_t>(which));
}

std::size_t call::bytes() const noexcept {
    std::size_t sum = 0;
    for (const auto* words : {&keys, &arguments})
        for (const std::string& each : *words) sum += each.size();
    return sum;
}

std::vector<std::string_view> call::words(bool with_text, std::string& room) const {
    const script& it = script_of(which);
    room = std::to_string(keys.size());
    std::vector<std::string_view> made{with_text ? "EVAL" : "EVALSHA", with_text ? it.text : it.sha1, room};
    made.insert(made.end(), keys.begin(), keys.end());
    made.insert(made.end(), arguments.begin(), arguments.end());
    return made;
}

std::string fresh_epoch() {
    thread_local std::random_device entropy;
    return std::string{streams::epoch::of_number(std::uint64_t{entropy()} << 32 | entropy()).view()};
}

call publishing(const names& in, std::string_view channel, const bus::publication& what, const keeping& how,
                std::chrono::seconds key_ttl) {
    call made{program::publish, {in.place(channel), in.stream(channel)}};
    if (!what.idempotency_key.empty()) made.keys.push_back(in.key(channel, what.idempotency_key));
    // Compared as texts, which have one length.
    std::string version = what.version == 0 ? std::string{} : fmt::format("{:020}", what.version);
    made.arguments = {std::string{channel},
                      body_of({what.payload, what.is_json, what.info, what.tags}),
                      std::to_string(what.skip_history ? 0 : how.what.publications),
                      std::to_string(how.what.ttl.count()),
                      std::to_string(how.what.meta_ttl.count()),
                      fresh_epoch(),
                      std::to_string(key_ttl.count()),
                      std::move(version),
                      std::string{what.version_epoch}};
    return made;
}

std::optional<bus::published> published_of(std::span<const resp::node> answer) {
    if (answer.size() != 5 || answer[0].kind != resp::type::array || answer[3].kind != resp::type::integer)
        return std::nullopt;
    bus::published done{static_cast<std::uint32_t>(answer[3].integer)};
    if (!read_number(answer[1].text, done.at.offset) || !streams::epoch::fits(answer[2].text)) return std::nullopt;
    done.at.epoch = streams::epoch{answer[2].text};
    return done;
}

call reading(const names& in, std::string_view channel, const bus::home_question& asked, const keeping& how,
             const streams::page_limits& most) {
    using kind = bus::home_question::kind;
    if (asked.about == kind::list || asked.about == kind::count)
        return attending(in, channel, asked.about == kind::list, how.there);
    std::string about = "place";
    std::size_t limit = most.publications_max;
    if (asked.about == kind::recover) about = how.newest_only ? "newest" : "recover";
    if (asked.about == kind::forget) about = "forget";
    if (asked.about == kind::history) {
        about = asked.has_since ? asked.reverse ? "before" : "after" : asked.reverse ? "last" : "after";
        if (asked.limit >= 0) limit = std::min<std::size_t>(limit, static_cast<std::size_t>(asked.limit));
        if (asked.has_since && asked.reverse && asked.since.offset == 0) about = "place"; // an error, as will be said
    }
    const std::uint64_t since =
        asked.about == kind::history && !asked.has_since ? 0 : std::min(asked.since.offset, counted_max);
    return {program::read,
            {in.place(channel), in.stream(channel)},
            {std::move(about), fresh_epoch(), std::to_string(how.what.meta_ttl.count()), std::to_string(since),
             std::string{asked.since.epoch.view()}, std::to_string(limit), std::to_string(most.bytes_max)}};
}

namespace {

// What was read, or nothing if there is a hole in it, or something that cannot be read.
std::optional<streams::batch> batch_of(std::span<const resp::node> entries, bool reverse) {
    streams::batch made{.reverse = reverse};
    for (std::size_t i = 0; i + 1 < entries.size(); i += 2) {
        std::uint64_t offset = 0;
        const std::string_view id = entries[i].text;
        if (!id.ends_with("-0") || !read_number(id.substr(0, id.size() - 2), offset)) return std::nullopt;
        if (i == 0) made.first = offset;
        if (made.offset_of(i / 2) != offset) return std::nullopt;
        auto what = open_body(entries[i + 1].text);
        if (!what || entries[i + 1].kind != resp::type::bulk_string || !settle(*what)) return std::nullopt;
        made.publications.push_back(streams::publication::make(what->published));
    }
    return made;
}

streams::shared_batch shared(std::optional<streams::batch> made) {
    if (!made || made->publications.empty()) return nullptr;
    return std::make_shared<const streams::batch>(std::move(*made));
}

} // namespace

std::optional<bus::home_answer> answer_of(std::span<const resp::node> answer, const bus::home_question& asked,
                                          const keeping& how, const streams::page_limits& most) {
    using kind = bus::home_question::kind;
    if (asked.about == kind::list || asked.about == kind::count) return attendance_of(answer);
    bus::home_answer said;
    if (answer.size() < 5 || answer.size() % 2 == 0 || answer[0].kind != resp::type::array ||
        answer[3].kind != resp::type::integer || answer[4].kind != resp::type::integer)
        return std::nullopt;
    if (!read_number(answer[1].text, said.top.offset) || !streams::epoch::fits(answer[2].text)) return std::nullopt;
    said.top.epoch = streams::epoch{answer[2].text};
    const streams::kept stands{said.top, static_cast<std::size_t>(answer[3].integer)};
    const bool cut = answer[4].integer != 0;
    const streams::last_seen since{asked.since.offset, asked.since.epoch.view()};
    const auto entries = answer.subspan(5);
    if (asked.about == kind::recover) {
        const auto missed = how.newest_only ? streams::newest_if_missed(stands, since)
                                            : streams::what_was_missed(stands, since, most.publications_max);
        said.said = missed.said;
        if (missed.said != streams::verdict::recovered || missed.count == 0) return said;
        if (cut) said.said = streams::verdict::too_many;
        if (cut) return said;
        said.publications = shared(batch_of(entries, false));
        const bool whole = said.publications != nullptr && said.publications->publications.size() == missed.count &&
                           said.publications->offset_of(missed.count - 1) == said.top.offset;
        if (!whole) said = {.top = said.top, .said = streams::verdict::gone};
        return said;
    }
    if (asked.about != kind::history) return said;
    if (asked.has_since && !since.epoch.empty() && since.epoch != said.top.epoch.view()) {
        said.why = streams::store::query_error::wrong_epoch;
    } else if (asked.has_since && asked.reverse && since.offset == 0) {
        said.why = streams::store::query_error::bad_offset;
    } else {
        auto made = batch_of(entries, asked.reverse);
        if (!made) return std::nullopt;
        said.publications = shared(std::move(made));
    }
    return said;
}

} // namespace carillon::ledger
