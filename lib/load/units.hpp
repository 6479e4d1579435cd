#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace carillon::load {

/// A length for people: three digits and ns, us, ms or s. Pure.
std::string human_time(std::chrono::nanoseconds length);

/// Bytes for people: "512 B", "1.50 KiB", "12.3 MiB", "1.25 GiB"; negative ones too. Pure.
std::string human_bytes(double bytes);

/// "1,234,567". Pure.
std::string grouped(std::int64_t number);

/// A rate for people: whole and grouped from 100 on, three digits below. Pure.
std::string human_rate(double per_second);

/// "round trips" for "round_trips". Pure.
std::string words_of(std::string_view name);

} // namespace carillon::load
