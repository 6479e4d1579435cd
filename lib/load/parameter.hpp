#pragma once

#include <string>

namespace carillon::load {

/// Something that a run was asked for, as given or by default, for its report.
struct parameter {
    std::string name;
    std::string value;
    bool is_text = false; ///< whatever it looks like; else a number, true or false where it looks like one
};

} // namespace carillon::load
