PYTHON ?= python3

test:
	@$(PYTHON) -m dev test $(TAGS)

db shell:
	@test -n "$(DB)" || { echo "Name the database: make $@ DB=x" >&2; exit 2; }
	@$(PYTHON) -m dev $@ $(DB)

.PHONY: test db shell
