#pragma once

#include "base/result.hpp"
#include "protocol/filter_node.hpp"
#include "protocol/json_decoder.hpp"
#include "protocol/payload.hpp"

#include <simdjson.h>

#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

namespace carillon::protocol {

// How json_decoder reads the members of the schema (protocol §3): each has its type, or is null and counts as absent.
// simdjson looks at what it is asked for only, so whatever nobody asks for is checked here.

/// A member of any kind: valid JSON that is not looked into. Empty when it was not given.
struct any_value {
    std::string_view raw; ///< as it stands in the message, without the white space around it
};

/// A member that must have its type and is not kept.
template <class T>
struct ignored {};

/// A member's name, and where its value goes: a reference, or one of the kinds above.
template <class T>
struct member {
    std::string_view name;
    T into;
};
template <class T>
member(std::string_view, T&&) -> member<T>;

/// Reads one command. Views are valid as long as those of json_decoder::decode.
class member_reader {
public:
    using value = simdjson::ondemand::value;

    /// A value nests deeper than json_depth_max, so what is in it was not checked.
    bool too_deep = false;
    /// The innermost member whose value was not what it must be; valid until something else is decoded.
    std::string_view wrong;
    /// Where the filter of a subscribe goes.
    filter_node* filter = nullptr;

    /// One level of messages inside of each other, left when it goes out of scope; false where it is one too many.
    class level {
    public:
        explicit level(member_reader& of) noexcept : of_{of} {
            if (++of_.levels_ > levels_max) of_.too_deep = true;
        }
        level(const level&) = delete;
        level& operator=(const level&) = delete;
        ~level() { --of_.levels_; }
        explicit operator bool() const noexcept { return of_.levels_ <= levels_max; }

    private:
        member_reader& of_;
    };
    level enter() noexcept { return level{*this}; }

    /// Reads an object with these members; others must be valid JSON. Of several with one name the last counts.
    template <class... T>
    result<void> members(value from, member<T>... known) {
        return each_member(from, [&]([[maybe_unused]] std::string_view name, value what) -> result<void> {
            result<void> done;
            any_value unknown;
            if (!((known.name == name && (done = read(what, known.into), true)) || ...)) done = read_any(what, unknown);
            if (!done && wrong.empty()) wrong = name;
            return done;
        });
    }

    /// Calls `visit(name, value)` for each member of an object until one is refused.
    template <class Visit>
    result<void> each_member(value from, Visit&& visit) {
        simdjson::ondemand::object object;
        if (from.get_object().get(object)) return decode_error::wrong_type;
        for (auto each : object) {
            simdjson::ondemand::field field;
            if (std::move(each).get(field)) return decode_error::not_json;
            std::string_view name;
            if (field.unescaped_key().get(name)) return decode_error::not_json;
            const result<void> done = visit(name, field.value());
            if (!done) return done;
        }
        return {};
    }

    /// Calls `visit(value)` for each element of an array until one is refused.
    template <class Visit>
    result<void> each_element(value from, Visit&& visit) {
        simdjson::ondemand::array array;
        if (from.get_array().get(array)) return decode_error::wrong_type;
        for (auto each : array) {
            value what;
            if (std::move(each).get(what)) return decode_error::not_json;
            const result<void> done = visit(what);
            if (!done) return done;
        }
        return {};
    }

    /// Reads a value of any kind.
    result<void> read_any(value from, any_value& into);

    template <class T>
    result<void> read(value from, T& into) {
        bool null = false;
        if (from.is_null().get(null)) return decode_error::not_json;
        return null ? result<void>{} : read_given(from, into);
    }
    result<void> read(value from, any_value& into) { return read_any(from, into); }
    /// A reader of values of any kind, null included.
    template <class T>
    requires requires(T& any, member_reader& reader, value from) { any.read_any(reader, from); }
    result<void> read(value from, T& into) { return into.read_any(*this, from); }

private:
    static constexpr int levels_max = 64;

    result<void> read_given(value from, std::string_view& into) {
        return from.get_string().get(into) ? result<void>{decode_error::wrong_type} : result<void>{};
    }
    result<void> read_given(value from, bool& into) {
        return from.get_bool().get(into) ? result<void>{decode_error::wrong_type} : result<void>{};
    }
    result<void> read_given(value from, std::uint64_t& into) {
        return from.get_uint64().get(into) ? result<void>{decode_error::wrong_type} : result<void>{};
    }
    template <std::integral T>
    result<void> read_given(value from, T& into) {
        std::int64_t number = 0;
        if (from.get_int64().get(number) || !std::in_range<T>(number)) return decode_error::wrong_type;
        into = static_cast<T>(number);
        return {};
    }
    template <class T>
    result<void> read_given(value from, ignored<T>&) {
        T unused{};
        return read(from, unused);
    }
    /// A message of the schema: it says itself which members it has.
    template <class T>
    requires requires(T& message, member_reader& reader, value from) { message.read(reader, from); }
    result<void> read_given(value from, T& message) { return message.read(*this, from); }

    int levels_ = 0;
};

} // namespace carillon::protocol
