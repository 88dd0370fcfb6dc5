"""The limits of what is given: of a request's numbers, of an order's size, of a file."""

SEED_MAX = 2**63 - 1  #: SQLite's largest integer; torch takes any of these
SIZE_MULTIPLE = 16  #: BriaFiboPipeline.check_inputs
SIZE_MIN, SIZE_MAX = 64, 2048
STEPS_MIN, STEPS_MAX = 1, 200
GUIDANCE_MIN, GUIDANCE_MAX = 1.0, 30.0
UNCONFIRMED_MAX = 64  #: pictures of an order, or values of one axis, beyond which it must be confirmed
GIVEN_MAX = 4  #: pictures that make one prompt
BYTES_MAX = 50 * 2**20  #: of a file that is given to the studio, by whatever way
