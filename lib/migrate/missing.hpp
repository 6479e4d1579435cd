#pragma once

#include "migrate/migration.hpp"

#include <string_view>

namespace carillon::migrate {

struct missing_option {
    fate what;
    std::string_view words;
};

/// What there is to say of an option of Centrifugo v6 that is not taken over.
missing_option why_missing(std::string_view path) noexcept;

} // namespace carillon::migrate
