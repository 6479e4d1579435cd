#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace carillon::metrics::testing {

using labels = std::map<std::string, std::string>;

struct sample {
    std::string name;
    labels with;
    double value = 0;
};

struct family {
    std::string help, type;
    std::vector<sample> samples;
};

/// A small reader of the Prometheus text format, written for these tests from the format's description. Strict: a line
/// it does not understand, or a sample without TYPE, makes `problem` say so.
struct exposition {
    std::map<std::string, family> families;
    std::string problem;

    /// The value of one series; empty if there is no such series or more than one.
    std::optional<double> value(const std::string& name, const labels& with) const;

    /// The sum of the family's series that carry all of `with`.
    double sum(const std::string& name, const labels& with = {}) const;
};

exposition read_exposition(const std::string& text);

} // namespace carillon::metrics::testing
