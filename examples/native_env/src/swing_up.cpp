#include "swing_up.hpp"

FASTPG_ENV(SwingUp)
