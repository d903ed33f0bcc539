from . import test_client
from . import test_dev
from . import test_simulator
