#include "channels/pattern.hpp"

#include "base/check.hpp"

#include <re2/re2.h>

namespace carillon::channels {
namespace {

/// For the compiled pattern and for what it learns from texts, each. Both are thrown away rather than let grow.
constexpr int memory_bytes_max = 1'048'576;

re2::RE2::Options options() {
    re2::RE2::Options chosen{re2::RE2::Quiet};
    chosen.set_max_mem(memory_bytes_max);
    chosen.set_never_capture(true);
    return chosen;
}

} // namespace

// In braces, for the library's own kind of view differs between releases.
pattern::pattern(const std::string& text) : compiled_{std::make_unique<re2::RE2>(text, options())} {
    CHECK(compiled_->ok());
}
pattern::~pattern() = default;
pattern::pattern(pattern&&) noexcept = default;
pattern& pattern::operator=(pattern&&) noexcept = default;

bool pattern::matches(std::string_view text) const noexcept {
    return compiled_->Match({text.data(), text.size()}, 0, text.size(), re2::RE2::ANCHOR_BOTH, nullptr, 0);
}

std::optional<std::string> check_pattern(const std::string& text) {
    const re2::RE2 compiled{text, options()};
    return compiled.ok() ? std::optional<std::string>{} : compiled.error();
}

} // namespace carillon::channels
