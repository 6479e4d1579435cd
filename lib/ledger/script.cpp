#include "ledger/script.hpp"

#include "base/check.hpp"
#include "ledger/envelope.hpp"

#include <boost/uuid/detail/sha1.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

namespace carillon::ledger {

namespace {

// Numbers are written with string.format, since Lua would write 1e+15 for a large one. A stream whose place is lost
// has none of its publications either.
constexpr std::string_view publish_text = R"(
local place, stream, key = KEYS[1], KEYS[2], KEYS[3]
local channel, body, size, ttl, place_ttl, fresh, key_ttl, version, version_epoch = unpack(ARGV)
if key then
  local was = redis.call('GET', key)
  if was then
    local offset, epoch = string.match(was, '^(%d+) (.*)$')
    return {offset, epoch, 0, 1}
  end
end
local offset, epoch = '0', ''
if size ~= '0' then
  epoch = redis.call('HGET', place, 'epoch')
  if not epoch then
    epoch = fresh
    redis.call('DEL', stream)
    redis.call('HSET', place, 'epoch', epoch, 'top', '0')
  end
  if version ~= '' then
    local known = redis.call('HMGET', place, 'version', 'version_epoch')
    if known[1] and known[2] == version_epoch and known[1] >= version then
      return {redis.call('HGET', place, 'top'), epoch, 0, 1}
    end
    redis.call('HSET', place, 'version', version, 'version_epoch', version_epoch)
  end
  offset = string.format('%.0f', redis.call('HINCRBY', place, 'top', 1))
  redis.call('XADD', stream, 'MAXLEN', size, offset .. '-0', 'b', body)
  redis.call('EXPIRE', stream, ttl)
  redis.call('EXPIRE', place, place_ttl)
end
if key then redis.call('SET', key, offset .. ' ' .. epoch, 'EX', key_ttl) end
local heard = redis.call('PUBLISH', channel, '\255C1' .. offset .. ' ' .. epoch .. ' ' .. body)
return {offset, epoch, heard, 0}
)";

// What is asked for is read only if all of it can be given: who has missed more is told so.
constexpr std::string_view read_text = R"(
local place, stream = KEYS[1], KEYS[2]
local about, fresh, place_ttl, since, since_epoch, limit, bytes_max = unpack(ARGV)
local epoch = redis.call('HGET', place, 'epoch')
if not epoch then
  epoch = fresh
  redis.call('DEL', stream)
  redis.call('HSET', place, 'epoch', epoch, 'top', '0')
end
redis.call('EXPIRE', place, place_ttl)
if about == 'forget' then redis.call('DEL', stream) end
local top = redis.call('HGET', place, 'top')
local kept = redis.call('XLEN', stream)
local same = since_epoch == '' or since_epoch == epoch
local after = string.format('%.0f-0', tonumber(since) + 1)
limit = tonumber(limit)
local found = {}
if about == 'recover' then
  local missed = tonumber(top) - tonumber(since)
  if same and missed > 0 and missed <= kept and missed <= limit then
    found = redis.call('XRANGE', stream, after, '+', 'COUNT', missed)
  end
elseif about == 'newest' then
  if not (same and since == top) then found = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1) end
elseif limit == 0 then
  found = {}
elseif about == 'after' then
  found = redis.call('XRANGE', stream, after, '+', 'COUNT', limit)
elseif about == 'before' then
  found = redis.call('XREVRANGE', stream, string.format('%.0f-0', tonumber(since) - 1), '-', 'COUNT', limit)
elseif about == 'last' then
  found = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', limit)
end
local said, bytes = {top, epoch, kept, 0}, 0
for i, entry in ipairs(found) do
  local body = entry[2][2]
  bytes = bytes + #body
  if bytes > tonumber(bytes_max) and (i > 1 or about == 'recover') then
    said[4] = 1
    break
  end
  said[#said + 1] = entry[1]
  said[#said + 1] = body
end
return said
)";

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
    static const std::array<script, programs> all{script{std::string{publish_text}, sha1_of(publish_text)},
                                                  script{std::string{read_text}, sha1_of(read_text)}};
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
        const auto what = open_body(entries[i + 1].text);
        if (!what || entries[i + 1].kind != resp::type::bulk_string) return std::nullopt;
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
