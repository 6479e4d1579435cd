#include "http/deflate_offer.hpp"

#include "base/check.hpp"
#include "http/ascii.hpp"
#include "http/scan.hpp"

#include <array>
#include <optional>

namespace carillon::http {
namespace {

constexpr std::string_view without_contexts =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
constexpr std::string_view wide_asked = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                                        "server_max_window_bits=15";
constexpr std::string_view narrow = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                                    "server_max_window_bits=9";
static_assert(wide_asked.size() <= deflate_answer_bytes_max && narrow.size() <= deflate_answer_bytes_max);

/// A parameter's value, with its quotes and backslashes taken away. No value that means anything has more than two
/// characters; of longer ones only the first are kept.
struct value_text {
    std::array<char, 3> letters{};
    std::size_t size = 0;

    void add(char letter) noexcept {
        if (size < letters.size()) letters[size++] = letter;
    }
    std::string_view text() const noexcept { return {letters.data(), size}; }
};

/// Takes a field value apart from its front (RFC 6455 §9.1, with the blanks that RFC 9110 allows in lists).
class reader {
public:
    explicit reader(std::string_view value) noexcept : left_{value} {}

    bool done() const noexcept { return left_.empty(); }
    void skip_blanks() noexcept {
        while (!left_.empty() && is_blank(left_.front())) left_.remove_prefix(1);
    }
    /// The next byte if it is that one, with the blanks around it.
    bool take(char wanted) noexcept {
        skip_blanks();
        if (left_.empty() || left_.front() != wanted) return false;
        left_.remove_prefix(1);
        skip_blanks();
        return true;
    }
    std::string_view token() noexcept {
        std::size_t size = 0;
        while (size < left_.size() && scan::in_token(left_[size])) ++size;
        const std::string_view taken = left_.substr(0, size);
        left_.remove_prefix(size);
        return taken;
    }
    /// A token, or a quoted string that is one without its quotes. False: neither.
    bool value(value_text& into) noexcept {
        if (left_.empty() || left_.front() != '"') {
            const std::string_view plain = token();
            for (const char each : plain) into.add(each);
            return !plain.empty();
        }
        left_.remove_prefix(1);
        while (!left_.empty() && left_.front() != '"') {
            if (left_.front() == '\\') left_.remove_prefix(1);
            if (left_.empty() || !scan::in_token(left_.front())) return false;
            into.add(left_.front());
            left_.remove_prefix(1);
        }
        if (left_.empty()) return false;
        left_.remove_prefix(1);
        return into.size > 0;
    }

private:
    std::string_view left_;
};

/// 8 to 15 without a zero in front (RFC 7692 §7.1.2.1).
std::optional<unsigned> window_bits(std::string_view text) noexcept {
    if (text == "8" || text == "9") return static_cast<unsigned>(text[0] - '0');
    if (text.size() == 2 && text[0] == '1' && text[1] >= '0' && text[1] <= '5')
        return 10U + static_cast<unsigned>(text[1] - '0');
    return std::nullopt;
}

/// One offer of permessage-deflate, parameter by parameter.
class offer {
public:
    void add(std::string_view name, const std::optional<value_text>& value) noexcept {
        if (name == "server_no_context_takeover") {
            once(server_no_context, !value);
        } else if (name == "client_no_context_takeover") {
            once(client_no_context, !value);
        } else if (name == "client_max_window_bits") { // any window can be read, so nothing is to be said to it
            once(client_bits, !value || window_bits(value->text()));
        } else if (name == "server_max_window_bits") {
            const auto bits = value ? window_bits(value->text()) : std::nullopt;
            once(server_bits, bits && *bits >= bits_min);
            if (bits) asked_ = *bits;
        } else {
            good_ = false;
        }
    }
    deflate_agreement agreed() const noexcept {
        if (!good_) return deflate_agreement::none;
        if (asked_ == 0) return deflate_agreement::wide;
        return asked_ == bits_max ? deflate_agreement::wide_asked : deflate_agreement::narrow;
    }

private:
    enum parameter : unsigned { server_no_context = 1, client_no_context = 2, server_bits = 4, client_bits = 8 };
    static constexpr unsigned bits_min = 9, bits_max = 15;

    void once(parameter which, bool valid) noexcept {
        if ((seen_ & which) != 0 || !valid) good_ = false;
        seen_ |= which;
    }

    bool good_ = true;
    unsigned seen_ = 0;
    unsigned asked_ = 0;
};

} // namespace

bool choose_deflate(std::string_view value, deflate_agreement& chosen) noexcept {
    reader in{value};
    in.skip_blanks();
    while (!in.done()) {
        if (in.take(',')) continue; // a list may have empty elements
        const std::string_view extension = in.token();
        if (extension.empty()) return false;
        offer made;
        while (in.take(';')) {
            const std::string_view name = in.token();
            if (name.empty()) return false;
            std::optional<value_text> said;
            if (in.take('=') && !in.value(said.emplace())) return false;
            made.add(name, said);
        }
        in.skip_blanks();
        if (!in.done() && !in.take(',')) return false;
        if (extension == "permessage-deflate" && chosen == deflate_agreement::none) chosen = made.agreed();
    }
    return true;
}

bool choose_deflate(const request_head& head, deflate_agreement& chosen) noexcept {
    chosen = deflate_agreement::none;
    for (const header_field& each : head.headers()) {
        if (!is_word(each.name, "sec-websocket-extensions")) continue;
        if (!choose_deflate(each.value, chosen)) return false;
    }
    return true;
}

std::string_view answer_to_deflate(deflate_agreement agreed) noexcept {
    switch (agreed) {
    case deflate_agreement::none: return {};
    case deflate_agreement::wide: return without_contexts;
    case deflate_agreement::wide_asked: return wide_asked;
    case deflate_agreement::narrow: return narrow;
    }
    CHECK(false);
    return {};
}

} // namespace carillon::http
