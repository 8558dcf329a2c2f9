# make run    sets itself up, then runs the main job on the embedded default
# make test   sets itself up, then runs all tests
# make derived regenerates params.yaml, dvc.yaml and the golden IR
# make images builds every container image (VARIANT=cuda: for GPUs; BASE_IMAGE=..., DOCKER_FLAGS=...)
# make docker runs the main job in containers, with its own engine if none answers, and compares its datasets
#             with dvc.lock (PIPELINE=dataset: the first half; SETTINGS="--set key=value": compared with a DVC run)
PYTHON ?= python3
BIN := .venv/bin
# uv reads neither pip's find-links nor its certificate bundle: pass them on if they are set.
ifdef PIP_FIND_LINKS
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
endif
ifdef PIP_CERT
export SSL_CERT_FILE ?= $(PIP_CERT)
endif
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export HF_HUB_OFFLINE ?= 1
# Every stage runs in its own process: without stored bytecode, each would recompile everything that it imports.
unexport PYTHONDONTWRITEBYTECODE

FAMILIES := data vision mining training gates runner mlflow
VARIANT ?= cpu
comma := ,
DOCKER ?= docker

.PHONY: run test setup lint derived docker images wheels $(FAMILIES:%=image-%)

run: setup
	$(BIN)/objectmate run full

test: setup
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

derived: setup
	$(BIN)/objectmate params > params.yaml
	$(BIN)/objectmate dvc > dvc.yaml
	$(BIN)/objectmate compile --output tests/pipelines/golden

docker: setup
	infra/local/run.sh $(SETTINGS)

images: $(FAMILIES:%=image-%)

# pip's settings apply in the build too: certificates as a secret, a folder of wheels as an image.
$(FAMILIES:%=image-%): image-%: $(if $(PIP_FIND_LINKS),wheels)
	DOCKER_BUILDKIT=1 $(DOCKER) build $(DOCKER_FLAGS) --file infra/images/Dockerfile \
	  --build-arg FAMILY=$* --build-arg VARIANT=$(VARIANT) --build-arg COMMIT=$(shell git describe --always --abbrev=40 --dirty --exclude=*) \
	  $(foreach name,BASE_IMAGE PIP_INDEX_URL PIP_EXTRA_INDEX_URL,$(if $($(name)),--build-arg $(name)="$($(name))")) \
	  $(if $(PIP_FIND_LINKS),--build-arg WHEELS_IMAGE=localhost/objectmate-wheels:dev) \
	  $(if $(PIP_CERT),--secret id=cacert$(comma)src=$(PIP_CERT)) \
	  --tag localhost/objectmate-$*:dev .

wheels:
	tar --create --directory $(PIP_FIND_LINKS) . | $(DOCKER) import - localhost/objectmate-wheels:dev

# The kernel comes with the install; it is compiled again if it is missing (after git clean, or without a compiler).
HAS_KERNEL := $(BIN)/python -c "import sys; from components.common.join.built import library; sys.exit(not library())"

setup: .venv/ready
	@$(HAS_KERNEL) || $(BIN)/uv pip install --quiet --no-deps --reinstall-package objectmate --python $(BIN)/python -e .
	@$(HAS_KERNEL) || echo "The mining kernel could not be compiled, so mining is about 15 times slower:" \
	  "install g++ (apt-get install g++) and run make setup again." >&2

.venv/ready: pyproject.toml constraints.txt components/common/join/kernel.cpp
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e ".[dev]"
	touch $@
