import LedgerPorts
import Simulation
import TestSupport
import Testing
