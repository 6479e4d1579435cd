#include "config/error.hpp"

#include <string>

namespace carillon::config {
namespace {

class category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "carillon.config"; }
    std::string message(int value) const override {
        switch (static_cast<error>(value)) {
        case error::address_without_port: return "there is no :PORT at the end, or an IPv6 host is not in brackets";
        case error::port_out_of_range: return "the port is not a whole number from 0 to 65535";
        case error::host_not_numeric: return "the host is neither an IP address nor localhost";
        }
        return "not an error of carillon.config";
    }
};

} // namespace

const boost::system::error_category& error_category() noexcept {
    static const category instance;
    return instance;
}

} // namespace carillon::config
