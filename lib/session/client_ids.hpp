#pragma once

#include <boost/uuid/uuid.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace carillon::session {

/// Makes client IDs: random UUIDs (RFC 9562 §5.4) from OpenSSL's generator, which is asked for many at once. Not
/// thread-safe.
class client_ids {
public:
    boost::uuids::uuid next();

private:
    static constexpr std::size_t batch = 64;
    std::array<boost::uuids::uuid, batch> ready_;
    std::size_t left_ = 0;
};

/// The 36 characters of a UUID.
struct uuid_text {
    explicit uuid_text(const boost::uuids::uuid& id) noexcept;
    std::string_view view() const noexcept { return {characters.data(), characters.size()}; }
    std::array<char, 36> characters;
};

} // namespace carillon::session
