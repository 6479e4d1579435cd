#pragma once

#include "api/request.hpp"

#include <cstdint>

namespace carillon::api {

/// Carries out on one shard what the server API asks of a user's connections there. Each call returns how many
/// connections it concerned; a shard without any of the user's is no failure. Thread: the shard's.
class user_orders {
public:
    virtual std::uint32_t carry_out(const subscribe_request& what) = 0;
    virtual std::uint32_t carry_out(const unsubscribe_request& what) = 0;
    virtual std::uint32_t carry_out(const disconnect_request& what) = 0;
    virtual std::uint32_t carry_out(const refresh_request& what) = 0;

protected:
    ~user_orders() = default;
};

} // namespace carillon::api
