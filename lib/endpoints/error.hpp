#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>

#include <type_traits>

namespace carillon::endpoints {

/// Why a text is not an address to listen at, or not a bus to connect to.
enum class error {
    address_without_port = 1, ///< There is no ":PORT" at the end, or an IPv6 host is not in brackets.
    port_out_of_range,        ///< The port is not a whole number from 0 to 65535.
    host_not_numeric,         ///< The host is neither an IP address nor "localhost".
    path_not_absolute,        ///< What follows "unix:" is no absolute path, or one too long for a socket.
    not_a_redis_url,          ///< It begins with none of redis://, rediss://, redis-sentinel:// and so on.
    credentials_not_encoded,  ///< User or password hold a character that a URL writes as %XX, or a % without its XX.
    credentials_with_control, ///< User or password hold a control character.
    redis_host,               ///< The host is no name, no IPv4 address and no IPv6 address in brackets.
    redis_port,               ///< The port is not a whole number from 1 to 65535.
    redis_path,               ///< Something other than a database number follows host and port.
    redis_master,             ///< What follows the Sentinels is no / and the name of a master.
    redis_nodes,              ///< There are too many servers, Sentinels, or nodes of a cluster.
    redis_credentials,        ///< User or password stand in front of another server than the first.
};

const boost::system::error_category& error_category() noexcept;

inline boost::system::error_code make_error_code(error value) noexcept {
    return {static_cast<int>(value), error_category()};
}

} // namespace carillon::endpoints

template <>
struct boost::system::is_error_code_enum<carillon::endpoints::error> : std::true_type {};
