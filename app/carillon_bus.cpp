// carillon-bus: the bus of the gateway as a program of its own, for several gateways.
#include "program/program.hpp"

int main(int argc, char** argv) { return carillon::program::run_program(carillon::config::program::bus, argc, argv); }
