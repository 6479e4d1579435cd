#pragma once

#include "protocol/encoder.hpp"

namespace carillon::protobuf {

/// Protobuf (protocol §1.2): a Reply of proto/client.proto with its length in front.
const protocol::encoder& encoder() noexcept;

} // namespace carillon::protobuf
