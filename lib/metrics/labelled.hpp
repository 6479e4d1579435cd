#pragma once

#include "base/check.hpp"

#include <boost/describe/enumerators.hpp>
#include <boost/mp11/algorithm.hpp>
#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace carillon::metrics {

/// One number for each enumerator of `Enum`: `++counters.commands(command_method::publish)`.
/// A plain array; not for use by two threads. `Enum` is defined with BOOST_DEFINE_ENUM_CLASS and counts from zero.
template <class Enum, class Number = std::uint64_t>
class by {
    using enumerators = boost::describe::describe_enumerators<Enum>;

public:
    static constexpr std::size_t size = boost::mp11::mp_size<enumerators>::value;

    constexpr Number& operator()(Enum value) noexcept { return numbers_[slot(value)]; }
    constexpr Number operator()(Enum value) const noexcept { return numbers_[slot(value)]; }

    /// The slot of the enumerator called `name`, exactly as it is written; `other` for every other text.
    constexpr Number& operator()(std::string_view name) noexcept requires requires { Enum::other; }
    {
        Enum found = Enum::other;
        boost::mp11::mp_for_each<enumerators>([&](auto enumerator) {
            if (name == enumerator.name) found = enumerator.value;
        });
        return (*this)(found);
    }

    /// Calls visit({label value}, number) for every slot; the label is valid during the call.
    template <class Visit>
    void each(Visit&& visit) const {
        boost::mp11::mp_for_each<enumerators>([&](auto enumerator) {
            visit(std::initializer_list<std::string_view>{enumerator.name}, (*this)(enumerator.value));
        });
    }

private:
    static constexpr std::size_t slot(Enum value) noexcept {
        const auto index = static_cast<std::size_t>(value);
        CHECK(index < size);
        return index;
    }

    std::array<Number, size> numbers_{};
};

/// One number for each of `Codes`, and one for all other codes together: `++counters.command_errors(103)`. Any code may
/// be given, also one that a peer made up: it lands in "other", so the number of series stays bounded.
template <int... Codes>
class by_code {
public:
    static constexpr std::size_t size = sizeof...(Codes) + 1;

    constexpr std::uint64_t& operator()(int code) noexcept { return numbers_[slot(code)]; }
    constexpr std::uint64_t operator()(int code) const noexcept { return numbers_[slot(code)]; }

    /// Calls visit({label value}, number) for every slot; the label is valid during the call.
    template <class Visit>
    void each(Visit&& visit) const {
        for (std::size_t index = 0; index < codes.size(); ++index) {
            const fmt::format_int text{codes[index]};
            visit(std::initializer_list<std::string_view>{{text.data(), text.size()}}, numbers_[index]);
        }
        visit(std::initializer_list<std::string_view>{"other"}, numbers_.back());
    }

private:
    static constexpr std::array<int, sizeof...(Codes)> codes{Codes...};

    static constexpr std::size_t slot(int code) noexcept {
        std::size_t index = 0;
        while (index < codes.size() && codes[index] != code) ++index;
        return index;
    }

    std::array<std::uint64_t, size> numbers_{};
};

/// One number for each of the first `Most` texts, and one for all others together: `++counters.dropped("chat")`. So the
/// number of series stays bounded, whatever texts there will be. Longer texts are cut.
template <std::size_t Most>
class by_text {
public:
    static constexpr std::size_t text_bytes_max = 63;
    static constexpr std::string_view unnamed = "(default)"; ///< how the empty text is shown

    /// The text's slot, for operator() below. Walks over the texts.
    constexpr std::uint8_t slot_of(std::string_view text) noexcept {
        if (text.empty()) text = unnamed;
        text = text.substr(0, text_bytes_max);
        for (std::size_t slot = 0; slot < used_; ++slot)
            if (texts_[slot].view() == text) return static_cast<std::uint8_t>(slot);
        if (used_ == Most) return Most;
        text_of& made = texts_[used_];
        for (const char each : text) made.bytes[made.size++] = each;
        return static_cast<std::uint8_t>(used_++);
    }
    constexpr std::uint64_t& operator()(std::uint8_t slot) noexcept {
        CHECK(slot <= Most);
        return numbers_[slot];
    }
    constexpr std::uint64_t& operator()(std::string_view text) noexcept { return numbers_[slot_of(text)]; }

    /// Calls visit({label value}, number) for every text and for the others; the label is valid during the call.
    template <class Visit>
    void each(Visit&& visit) const {
        for (std::size_t slot = 0; slot < used_; ++slot)
            visit(std::initializer_list<std::string_view>{texts_[slot].view()}, numbers_[slot]);
        visit(std::initializer_list<std::string_view>{"other"}, numbers_[Most]);
    }

private:
    static_assert(Most < 255);
    struct text_of {
        std::array<char, text_bytes_max> bytes{};
        std::uint8_t size = 0;
        constexpr std::string_view view() const noexcept { return {bytes.data(), size}; }
    };

    std::array<std::uint64_t, Most + 1> numbers_{};
    std::array<text_of, Most> texts_{};
    std::size_t used_ = 0;
};

} // namespace carillon::metrics
