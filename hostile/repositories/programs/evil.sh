#!/bin/sh
touch @CANARY@
