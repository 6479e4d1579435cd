// carillon-bus: the bus of the gateway as a program of its own, for several gateways.
#include "gateway/program.hpp"

int main(int argc, char** argv) { return carillon::gateway::run_program(carillon::config::program::bus, argc, argv); }
