#include "takeover/reader.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <optional>

namespace carillon::takeover {

namespace {

class category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "takeover"; }
    std::string message(int value) const override {
        switch (static_cast<error>(value)) {
        case error::torn: return "it ends too early";
        case error::too_long: return "it does not end where it should";
        case error::unknown: return "nobody knows this kind of message";
        case error::bad_value: return "a value in it cannot be";
        }
        return "unknown error";
    }
};

// Says of everything that it read whether it was there; after the first that was not, nothing is.
class reader {
public:
    explicit reader(std::string_view bytes) noexcept : left_{bytes} {}

    std::optional<error> outcome() const noexcept {
        if (why_) return why_;
        return left_.empty() ? std::nullopt : std::optional{error::too_long};
    }
    void fail(error why) noexcept {
        if (!why_) why_ = why;
        left_ = {};
    }

    template <class Number>
    void number(Number& into) noexcept {
        const std::string_view taken = take(sizeof into);
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < taken.size(); ++i)
            value |= std::uint64_t{static_cast<unsigned char>(taken[i])} << (8 * i);
        into = static_cast<Number>(value);
    }
    void flag(bool& into) noexcept {
        std::uint8_t value = 0;
        number(value);
        if (value > 1) fail(error::bad_value);
        into = value == 1;
    }
    void text(std::string& into) {
        std::uint32_t size = 0;
        number(size);
        into = take(size);
    }
    void bytes(std::array<std::uint8_t, 16>& into) noexcept {
        const std::string_view taken = take(into.size());
        std::copy(taken.begin(), taken.end(), into.begin());
    }

    void get(greeting& into) {
        number(into.version);
        // What another version says further is its own.
        if (into.version != version) return void(left_ = {});
        text(into.build);
    }
    void get(offer& into) {
        text(into.build);
        text(into.bus);
        number(into.listeners);
    }
    void get(refusal& into) { text(into.reason); }
    void get(listener& into) {
        std::uint8_t kind = 0;
        number(kind);
        if (kind > static_cast<std::uint8_t>(listener::kind::bus)) fail(error::bad_value);
        into.what = static_cast<listener::kind>(kind);
        text(into.host);
        number(into.port);
    }
    void get(readiness&) noexcept {}
    void get(subscription& into) {
        text(into.channel);
        number(into.offset);
        text(into.epoch);
        flag(into.joins);
        flag(into.deltas);
    }
    void get(grant& into) {
        text(into.channel);
        flag(into.by_server);
        number(into.own);
        number(into.expires);
        text(into.info);
    }
    void get(field& into) {
        text(into.name);
        text(into.value);
        flag(into.emulated);
    }
    // Each has at least a few bytes, so that a number that is too large is found out at once.
    template <class Each>
    void list(std::vector<Each>& into) {
        std::uint32_t size = 0;
        number(size);
        for (std::uint32_t i = 0; i < size && !why_; ++i) get(into.emplace_back());
    }
    void get(client& into) {
        bytes(into.id);
        bytes(into.address);
        number(into.format);
        flag(into.awaits_pong);
        number(into.due_ms);
        number(into.expires);
        text(into.user);
        text(into.info);
        text(into.meta);
        list(into.grants);
        list(into.fields);
        list(into.subscriptions);
    }
    void get(clients& into) { list(into.all); }
    void get(end& into) { number(into.clients); }
    void get(acceptance& into) { number(into.clients); }
    void get(commitment&) noexcept {}

private:
    std::string_view take(std::size_t size) noexcept {
        if (size > left_.size()) {
            fail(error::torn);
            return {};
        }
        const std::string_view taken = left_.substr(0, size);
        left_.remove_prefix(size);
        return taken;
    }

    std::string_view left_;
    std::optional<error> why_{};
};

template <std::size_t Index = 0>
bool make(std::size_t index, message& into) {
    if constexpr (Index < std::variant_size_v<message>) {
        if (index != Index) return make<Index + 1>(index, into);
        into.template emplace<Index>();
        return true;
    }
    return false;
}

} // namespace

const boost::system::error_category& takeover_category() noexcept {
    static const category instance;
    return instance;
}

result<message> read(std::string_view bytes) {
    reader from{bytes};
    std::uint8_t kind = 0;
    from.number(kind);
    message made;
    if (from.outcome() == error::torn) return make_error_code(error::torn);
    if (!make(kind, made)) return make_error_code(error::unknown);
    std::visit([&](auto& each) { from.get(each); }, made);
    if (const auto why = from.outcome()) return make_error_code(*why);
    return made;
}

} // namespace carillon::takeover
