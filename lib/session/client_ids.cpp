#include "session/client_ids.hpp"

#include "base/check.hpp"

#include <boost/uuid/uuid_io.hpp>
#include <openssl/rand.h>

namespace carillon::session {

boost::uuids::uuid client_ids::next() {
    if (left_ == 0) {
        // Without randomness there are no identities; OpenSSL fails here only when the system is broken.
        CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(ready_.data()), sizeof ready_) == 1);
        left_ = batch;
    }
    boost::uuids::uuid id = ready_[--left_];
    auto* bytes = id.begin();
    bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40); // version 4
    bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80); // the RFC's variant
    return id;
}

uuid_text::uuid_text(const boost::uuids::uuid& id) noexcept {
    CHECK(boost::uuids::to_chars(id, characters.data(), characters.data() + characters.size()));
}

} // namespace carillon::session
