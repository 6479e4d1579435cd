#include "endpoints/error.hpp"

#include <string>

namespace carillon::endpoints {
namespace {

class category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "carillon.endpoints"; }
    std::string message(int value) const override {
        switch (static_cast<error>(value)) {
        case error::address_without_port: return "there is no :PORT at the end, or an IPv6 host is not in brackets";
        case error::port_out_of_range: return "the port is not a whole number from 0 to 65535";
        case error::host_not_numeric: return "the host is neither an IP address nor localhost";
        case error::path_not_absolute: return "what follows unix: is not an absolute path of at most 107 bytes";
        case error::not_a_redis_url:
            return "it begins with none of redis://, rediss://, unix:, redis-sentinel://, rediss-sentinel://, "
                   "redis-cluster:// and rediss-cluster://";
        case error::credentials_not_encoded:
            return "in the user and the password, characters like @ / ? # % are written as %40 %2F %3F %23 %25";
        case error::credentials_with_control: return "the user or the password holds a control character";
        case error::redis_host:
            return "the host is neither a name nor an IP address, or an IPv6 host is not in brackets";
        case error::redis_port: return "the port is not a whole number from 1 to 65535";
        case error::redis_path:
            return "only / and a database number may follow the host and the port; a cluster has no database but 0";
        case error::redis_master:
            return "behind the Sentinels stands / and the name of their master: at most 64 letters, digits, . - _";
        case error::redis_credentials: return "user and password stand once, in front of the first server";
        case error::redis_nodes: return "there are more than 16 servers, Sentinels, or nodes of a cluster";
        }
        return "not an error of carillon.endpoints";
    }
};

} // namespace

const boost::system::error_category& error_category() noexcept {
    static const category instance;
    return instance;
}

} // namespace carillon::endpoints
