"""An emulated AWS: moto, and what it lacks.

    python -m emulated.server PORT
"""

import sys

import moto.cloudformation.models as cloudformation
import moto.cloudformation.parsing as parsing
from moto.server import main

from emulated.models import MODELS

# moto looks through the direct subclasses of its base class; ours are not all direct ones.
its_own = parsing.get_model_list
parsing.get_model_list = lambda: [model for model in its_own() if model.__module__.startswith("moto.")] + MODELS


# moto takes the linter's warnings for errors. `npm run lint:template` is where the template is linted.
cloudformation.validate_template_cfn_lint = lambda _template: []

# moto knows `Retain` alone; this one differs from it only where a stack fails to be made.
its_delete = parsing.ResourceMap.delete


def delete(resources):
    for resource in resources._resource_json_map.values():
        if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
            resource["DeletionPolicy"] = "Retain"
    its_delete(resources)


parsing.ResourceMap.delete = delete

main(["-H", "127.0.0.1", "-p", sys.argv[1]])
