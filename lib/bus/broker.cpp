#include "bus/broker.hpp"

#include "base/check.hpp"

#include <string>

namespace carillon::bus {

namespace {

class bus_error_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "carillon.bus"; }
    std::string message(int value) const override {
        switch (static_cast<error>(value)) {
        case error::busy: return "too many publications are on their way";
        case error::away: return "the bus cannot be reached";
        case error::refused: return "the bus refused the publication";
        case error::denied: return "the bus does not permit it";
        }
        return "unknown";
    }
};

} // namespace

const boost::system::error_category& bus_category() noexcept {
    static const bus_error_category category;
    return category;
}

} // namespace carillon::bus
